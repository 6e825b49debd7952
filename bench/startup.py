"""What it costs to start: the wall time of whole commands against `python -c pass`.

Medians of the ratios of paired runs, with byte code cached, as an installed package has it. Four
accounts, a week of passes. Exits with 1 where a ratio is above its bound.

Usage: startup.py [--pairs N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tabulate import tabulate

from cldmon.domain.model import Account, Reading, Snapshot, Window
from cldmon.store import history
from cldmon.store.state import State, StateFile

CLDMON = str(Path(sys.executable).with_name("cldmon"))
BOUNDS = {
    ("status", "--format", "line"): 5,
    ("--help",): 5,
    ("status",): 8,
    ("status", "--json"): 8,
}
LABELS = ("alice", "bob", "carol", "dave")
INTERVAL = timedelta(minutes=10)
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Pair:
    """Seconds that Python alone and a command took, one after the other."""

    python: float
    command: float


def main() -> None:
    """Measure, print the table, and judge it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=31)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder))
        runs = {command: measure(command, env, pairs) for command in BOUNDS}
    rows = [[" ".join(command), *row(found), BOUNDS[command]] for command, found in runs.items()]
    headers = ["cldmon …", "python ms", "ms", "× python", "at most"]
    print(tabulate(rows, headers=headers, floatfmt=".1f"))
    sys.exit(any(ratio(found) > BOUNDS[command] for command, found in runs.items()))


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a user for whom passes have been made for a week."""
    accounts = (f'[[accounts]]\nlabel = "{x}"\nsession_key_env = "NONE"\n' for x in LABELS)
    (folder / "config.toml").write_text('data_dir = "."\n' + "".join(accounts))
    now = datetime.now(UTC)
    for number in range(WEEK // INTERVAL, -1, -1):
        at = now - number * INTERVAL
        line = history.line(at, {label: windows(at, now) for label in LABELS})
        with (folder / f"history-{at.date()}.jsonl").open("a") as file:
            file.write(line + "\n")
    readings = tuple(Account(x, Reading(now, windows(now, now), plan="Pro")) for x in LABELS)
    StateFile(folder).save(State(Snapshot(now, readings, INTERVAL)))
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "CLDMON_CONFIG": str(folder / "config.toml")}


def windows(at: datetime, now: datetime) -> dict[str, Window]:
    """Return windows that fill steadily, as they were at an instant."""
    since = 1 - (now - at) / WEEK
    five = Window(int(since * 100 * 34) % 100, now + timedelta(hours=2))
    week = Window(int(since * 60), now + timedelta(days=2))
    return {"fiveHour": five, "sevenDay": week, "models.Fable": week}


def measure(command: tuple[str, ...], env: dict[str, str], pairs: int) -> list[Pair]:
    """Return so many pairs of runs; a first one, that fills caches, is left out."""
    alone = [sys.executable, "-c", "pass"]
    return [Pair(run(alone, env), run([CLDMON, *command], env)) for _ in range(pairs + 1)][1:]


def run(command: list[str], env: dict[str, str]) -> float:
    """Return how long a process takes, from its start to its end."""
    began = time.perf_counter()
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def row(pairs: list[Pair]) -> list[float]:
    """Return the medians of a command."""
    python = statistics.median(pair.python for pair in pairs)
    command = statistics.median(pair.command for pair in pairs)
    return [python * 1000, command * 1000, ratio(pairs)]


def ratio(pairs: list[Pair]) -> float:
    """Return how many times as long as Python alone a command takes."""
    return statistics.median(pair.command / pair.python for pair in pairs)


if __name__ == "__main__":
    main()
