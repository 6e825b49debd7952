"""A pass of `cldmon fetch` against a bare Playwright script that asks the same.

Wall and CPU time of the whole process tree, as medians of ratios of paired runs. `first` looks the
organizations up, as the bare script does; `later` remembers them.

Usage: passes.py [--pairs N] [ACCOUNTS…]
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from cldmon.claude.browser import BrowserSettings, find, tuned_concurrency
from cldmon.demo.claude import FakeClaude, SimAccount, SimOrganization, usage

ANSWER_SECONDS = 0.15
CLDMON = str(Path(sys.executable).with_name("cldmon"))
BARE = str(Path(__file__).with_name("bare_pass.py"))


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and CPU time of a process and all that it started."""

    wall: float
    cpu: float


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("accounts", nargs="*", type=int, default=[1, 5, 20])
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    rows = [measure(count, options.pairs) for count in options.accounts]
    headers = ["accounts", "bare s", "CPU s", "first ×", "CPU ×", "later ×", "CPU ×"]
    print(tabulate(rows, headers=headers, floatfmt=".2f"))


def measure(accounts: int, pairs: int) -> list[float]:
    """Return a row of the table for so many accounts."""
    keys = [f"sk-ant-sid02-bench{number:04d}" for number in range(accounts)]
    with FakeClaude(delay=ANSWER_SECONDS) as claude, tempfile.TemporaryDirectory() as folder:
        for number, key in enumerate(keys):
            uuid = f"00000000-0000-4000-8000-{number:012d}"
            claude.add(SimAccount(key, (SimOrganization(uuid),), usage()))
        config = configure(Path(folder), claude.url, keys)
        runs = [pair(config, claude.url, keys) for _ in range(pairs + 1)][1:]
    bare = [run[0] for run in runs]
    row = [
        accounts,
        statistics.median(c.wall for c in bare),
        statistics.median(c.cpu for c in bare),
    ]
    for place in (1, 2):
        row.append(statistics.median(run[place].wall / run[0].wall for run in runs))
        row.append(statistics.median(run[place].cpu / run[0].cpu for run in runs))
    return row


def configure(folder: Path, url: str, keys: list[str]) -> Path:
    """Write a configuration of these accounts and return its path."""
    accounts = [f'[[accounts]]\nlabel = "{key[-4:]}"\nsession_key = "{key}"\n' for key in keys]
    config = folder / "config.toml"
    config.write_text(f'claude_url = "{url}"\ndata_dir = "data"\n' + "".join(accounts))
    config.chmod(0o600)
    return config


def pair(config: Path, url: str, keys: list[str]) -> tuple[Cost, Cost, Cost]:
    """Run the bare script, a first pass and a later one, one right after the other."""
    shutil.rmtree(config.parent / "data", ignore_errors=True)
    executable = find(BrowserSettings(), os.environ)
    concurrency = str(tuned_concurrency(BrowserSettings(), len(keys)))
    bare = run([sys.executable, BARE, executable, url, concurrency, *keys])
    fetch = [CLDMON, "--config", str(config), "fetch", "--strict"]
    return bare, run(fetch), run(fetch)


def run(command: list[str]) -> Cost:
    """Return what a command costs; it has to succeed."""
    # Byte code is cached for the bare script's packages, so ours may be, too.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


if __name__ == "__main__":
    main()
