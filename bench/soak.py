"""A month in compressed time: passes with everything that goes wrong, compared with a model.

4,000 passes of ten accounts, each ten minutes after the one before by a clock that is set; every
twentieth is a process of its own with a real Chromium, and `cldmon serve` runs all the while.
History, alerts, state and metrics are compared with the model after each pass; memory, descriptors,
processes, temporary files and disk are sampled. Exits with 1 where something is not right.

Usage: python -m bench.soak [--passes N] [--accounts N] [--browser-every N] [--seed N]

`--passes 288 --browser-every 1` are 48 hours of which every pass has a real browser.
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
"""Passes after which as many days go as come, so that the data grow no more."""

MOST_GROWTH = 1.15
"""By how much the second half of the samples may lie above the first, once all is warm."""


def main() -> int:
    """Live through it, and print what it took and came to."""
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
    """Begin a month that ends about now."""
    begin = datetime.now(UTC).replace(microsecond=0) - passes * TEN_MINUTES
    random = Random(seed)  # noqa: S311 - a month that can be lived again
    with FakeClaude(jitter=1.0) as claude, FakeSlack() as slack:
        yield Month(folder, claude, slack, random, begin, accounts=accounts, port=free_port())


def run_passes(month: Month, passes: int, every: int) -> tuple[list[str], list[list[float]], float]:
    """Make the passes; return what was wrong, the samples, and the seconds that it took."""
    begun, problems, samples = time.monotonic(), [], []
    with serving(month) as server:
        for number in range(passes):
            try:
                month.live(browser=number % every == every - 1)
                if number % 10 == 0:
                    ask(month)
            except (LostError, OSError) as error:
                problems.append(f"pass {number}: {type(error).__name__}: {error}")
                break
            if number % max(1, passes // SAMPLES) == 0:
                samples.append([number, *sample(month, server)])
                print(*(f"{value:g}" for value in samples[-1]), flush=True)
        else:
            problems += ended(month)
    return problems, samples, time.monotonic() - begun


def ended(month: Month) -> list[str]:
    """Bring it to its end; return what was wrong."""
    try:
        month.end()
    except LostError as error:
        return [f"at the end: {error}"]
    return []


@contextmanager
def serving(month: Month) -> Iterator[subprocess.Popen[bytes]]:
    """Let `cldmon serve` run, the only part that lasts longer than a pass."""
    process = subprocess.Popen([CLDMON, "serve"], env=month.env, stderr=subprocess.PIPE)
    try:
        assert process.stderr
        process.stderr.readline()
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def ask(month: Month) -> None:
    """Ask the server all that programs ask; raises OSError where it does not answer."""
    for path in PATHS:
        with closing(HTTPConnection("127.0.0.1", month.port, timeout=20)) as connection:
            connection.request("GET", path, headers={"Authorization": f"Bearer {API_TOKEN}"})
            answer = connection.getresponse()
            body = answer.read()
        # Of the month's first weeks it says that they are long ago.
        if answer.status != 200 and (path, answer.status) != ("/healthz", 503):
            raise OSError(f"{path}: {answer.status}")
        if path.startswith("/api"):
            json.loads(body)
        month.events["answers of serve"] += 1


def sample(month: Month, server: subprocess.Popen[bytes]) -> list[float]:
    """Return the figures of `NAMES`, less the first."""
    data = [path for path in month.data.rglob("*") if path.is_file()]
    return [
        memory(os.getpid()),
        descriptors(os.getpid()),
        memory(server.pid),
        descriptors(server.pid),
        len(list(Path(f"/proc/{server.pid}/task").iterdir())),
        len(started(month)),
        len(list(month.temporary.rglob("*"))),
        len(data),
        sum(path.stat().st_size for path in data) / 1000,
    ]


def memory(pid: int) -> float:
    """Return the resident megabytes of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def descriptors(pid: int) -> int:
    """Return how many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def started(month: Month) -> list[int]:
    """Return the processes that the passes started and that still live, the server among them."""
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
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def report(month: Month, problems: list[str], samples: list[list[float]], seconds: float) -> int:
    """Print what was done, sampled and wrong; return the exit code."""
    print(f"{seconds:.0f} s; {sum(month.arrived.values())} messages arrived, ", end="")
    print(f"{sum(month.due.values())} were due")
    for what, count in sorted(month.events.items()):
        print(f"  {count:7,} {what.replace('_', ' ')}")
    print(tabulate(samples[:: max(1, len(samples) // 10)], headers=NAMES))
    problems += grown(samples)
    for problem in problems:
        print(f"WRONG: {problem}")
    return 1 if problems else 0


def grown(samples: list[list[float]]) -> list[str]:
    """Return the figures that grow though they should not."""
    found = []
    for place, name in list(enumerate(NAMES))[1:]:
        warm = FULL_DAYS if name.startswith("data") else samples[-1][0] / 4 if samples else 0
        values = [row[place] for row in samples if row[0] >= warm]
        if len(values) < 8:
            continue
        half = len(values) // 2
        before, after = statistics.median(values[:half]), statistics.median(values[half:])
        if after > max(before * MOST_GROWTH, before + 2):
            found.append(f"{name} grew from {before:g} to {after:g}")
    return found


if __name__ == "__main__":
    sys.exit(main())
