"""A month in compressed time: passes with random faults, compared with a model.

4,000 passes of ten accounts, ten minutes apart by a simulated clock; every twentieth is a separate
process with a real Chromium, and `cldmon serve` runs throughout. History, alerts, state and metrics
are compared with the model after each pass; memory, descriptors, processes, temporary files and
disk are sampled. Exits with 1 if anything is wrong.

Usage: python -m bench.soak [--passes N] [--accounts N] [--browser-every N] [--seed N]

`--passes 288 --browser-every 1` are 48 hours in which every pass has a real browser.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tabulate import tabulate

from tests.reliability.month import API_TOKEN, KEEP_DAYS, Month
from tests.reliability.result import LostError
from tests.simulation.claude import FakeClaude
from tests.simulation.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Iterator

CLDMON = str(Path(sys.executable).with_name("cldmon"))
TEN_MINUTES = timedelta(minutes=10)
SAMPLES = 40
PATHS = ("/api/usage", "/api/history?range=7d", "/metrics", "/healthz")
NAMES = (
    "passes",
    "MB here",
    "files here",
    "MB serve",
    "files serve",
    "threads serve",
    "processes",
    "left in tmp",
    "data files",
    "data KB",
)
FULL_DAYS = (KEEP_DAYS + 2) * (timedelta(days=1) // TEN_MINUTES)
"""Passes after which a day is dropped for each new one, so that the data stop growing."""

MAX_GROWTH = 1.15
"""The largest ratio of the second half of the samples to the first, after warming up."""


def main() -> int:
    """Run the month and print a report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=4_000)
    parser.add_argument("--accounts", type=int, default=10)
    parser.add_argument("--browser-every", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="cldmon-soak-") as folder,
        start_month(
            Path(folder), passes=options.passes, accounts=options.accounts, seed=options.seed
        ) as month,
    ):
        return report(month, *run_passes(month, options.passes, options.browser_every))


@contextmanager
def start_month(folder: Path, *, passes: int, accounts: int = 10, seed: int = 7) -> Iterator[Month]:
    """Start a month that ends about now."""
    begin = datetime.now(UTC).replace(microsecond=0) - passes * TEN_MINUTES
    random = Random(seed)  # noqa: S311 - a month that can be repeated
    with FakeClaude(jitter=1.0) as claude, FakeSlack() as slack:
        yield Month(folder, claude, slack, random, begin, accounts=accounts, port=free_port())


def run_passes(month: Month, passes: int, every: int) -> tuple[list[str], list[list[float]], float]:
    """Run the passes; return the problems, the samples, and the seconds."""
    start, problems, samples = time.monotonic(), [], []
    with run_server(month) as server:
        for number in range(passes):
            try:
                month.live(browser=number % every == every - 1)
                if number % 10 == 0:
                    check_server(month)
            except (LostError, OSError) as error:
                problems.append(f"pass {number}: {type(error).__name__}: {error}")
                break
            if number % max(1, passes // SAMPLES) == 0:
                samples.append([number, *sample(month, server)])
                print(*(f"{value:g}" for value in samples[-1]), flush=True)
        else:
            problems += finish(month)
    return problems, samples, time.monotonic() - start


def finish(month: Month) -> list[str]:
    """End the month and return the problems."""
    try:
        month.end()
    except LostError as error:
        return [f"at the end: {error}"]
    return []


@contextmanager
def run_server(month: Month) -> Iterator[subprocess.Popen[bytes]]:
    """Run `cldmon serve`, the only part that outlives a pass."""
    process = subprocess.Popen([CLDMON, "serve"], env=month.env, stderr=subprocess.PIPE)
    try:
        assert process.stderr
        process.stderr.readline()
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def check_server(month: Month) -> None:
    """Request every path that programs use. Raise OSError if the server does not respond."""
    for path in PATHS:
        with closing(HTTPConnection("127.0.0.1", month.port, timeout=20)) as connection:
            connection.request("GET", path, headers={"Authorization": f"Bearer {API_TOKEN}"})
            response = connection.getresponse()
            body = response.read()
        # In the first weeks of the month, which are long ago, the service is unhealthy.
        if response.status != 200 and (path, response.status) != ("/healthz", 503):
            raise OSError(f"{path}: {response.status}")
        if path.startswith("/api"):
            json.loads(body)
        month.events["answers of serve"] += 1


def sample(month: Month, server: subprocess.Popen[bytes]) -> list[float]:
    """Return the figures of `NAMES` except the first."""
    data = [path for path in month.data.rglob("*") if path.is_file()]
    return [
        memory(os.getpid()),
        descriptors(os.getpid()),
        memory(server.pid),
        descriptors(server.pid),
        len(list(Path(f"/proc/{server.pid}/task").iterdir())),
        len(find_processes(month)),
        len(list(month.temporary.rglob("*"))),
        len(data),
        sum(path.stat().st_size for path in data) / 1000,
    ]


def memory(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def descriptors(pid: int) -> int:
    """Return the number of open files of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def find_processes(month: Month) -> list[int]:
    """Return the running processes that the month started, including the server."""
    mark = f"TMPDIR={month.temporary}".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def report(month: Month, problems: list[str], samples: list[list[float]], seconds: float) -> int:
    """Print what was done, the samples and the problems; return the exit code."""
    print(f"{seconds:.0f} s; {sum(month.arrived.values())} messages arrived, ", end="")
    print(f"{sum(month.due.values())} were due")
    for what, count in sorted(month.events.items()):
        print(f"  {count:7,} {what.replace('_', ' ')}")
    print(tabulate(samples[:: max(1, len(samples) // 10)], headers=NAMES))
    problems += find_growth(samples)
    for problem in problems:
        print(f"WRONG: {problem}")
    return 1 if problems else 0


def find_growth(samples: list[list[float]]) -> list[str]:
    """Return the figures that grow although they should not."""
    found = []
    for place, name in list(enumerate(NAMES))[1:]:
        warm = FULL_DAYS if name.startswith("data") else samples[-1][0] / 4 if samples else 0
        values = [row[place] for row in samples if row[0] >= warm]
        if len(values) < 8:
            continue
        half = len(values) // 2
        before, after = statistics.median(values[:half]), statistics.median(values[half:])
        if after > max(before * MAX_GROWTH, before + 2):
            found.append(f"{name} grew from {before:g} to {after:g}")
    return found


if __name__ == "__main__":
    sys.exit(main())
