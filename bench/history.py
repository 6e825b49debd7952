"""Reading the history against plainer ways to do the same, all in one run.

Two data sets: a week of passes each minute over 100 accounts (73 MB), and a year of passes each ten
minutes over 10 accounts. Times are medians; a ratio is the median of those of paired rounds.

Usage: history.py [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from cldmon.domain.model import Window, from_ms, to_ms
from cldmon.store import history, reader
from cldmon.store.sampling import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Task = Callable[[], object]

CLDMON = str(Path(sys.executable).with_name("cldmon"))
NOW = datetime.now(UTC)
WEEK = timedelta(days=7)
YEAR = timedelta(days=365)
ACCOUNT = "account 5"


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        week, year = Path(name) / "week", Path(name) / "year"
        written = write(week, 100, timedelta(minutes=1), WEEK)
        print(f"a week, 100 accounts, a pass each minute: {written / 1e6:.0f} MB")
        show(rounds, tasks(week))
        show(rounds, commands(week, ["--range 7d --account", "--range 7d", "--range 7d --json"]))
        written = write(year, 10, timedelta(minutes=10), YEAR)
        print(f"a year, 10 accounts, a pass each ten minutes: {written / 1e6:.0f} MB")
        show(rounds, commands(year, ["--range 365d --account", "--range 365d"]))


def write(folder: Path, accounts: int, interval: timedelta, span: timedelta) -> int:
    """Write the day files of a span that ends now, and a configuration; return their size."""
    folder.mkdir()
    labels = "".join(
        f'[[accounts]]\nlabel = "account {n}"\nsession_key_env = "NONE"\n' for n in range(accounts)
    )
    (folder / "config.toml").write_text(f'data_dir = "."\n{labels}', encoding="utf-8")
    (folder / "config.toml").chmod(0o600)
    for line in passes(accounts, interval, span):
        ms = json.loads(line)["timestamp"]
        with (folder / f"history-{from_ms(ms).date()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    return sum(path.stat().st_size for path in folder.glob("history-*"))


def passes(accounts: int, interval: timedelta, span: timedelta) -> Iterator[str]:
    """Yield the lines of passes in which sessions fill up within hours and weeks within days."""
    rise = random.Random(7)  # noqa: S311 - the same data each time
    used = [[rise.uniform(0, 100), rise.uniform(0, 100)] for _ in range(accounts)]
    hours = interval / timedelta(hours=1)
    for number in range(span // interval, -1, -1):
        for percents in used:
            percents[0] = (percents[0] + rise.random() * 40 * hours) % 120
            percents[1] = (percents[1] + rise.random() * 1.5 * hours) % 105
        yield history.line(
            NOW - number * interval,
            {f"account {n}": windows(*percents) for n, percents in enumerate(used)},
        )


def windows(session: float, week: float) -> dict[str, Window]:
    """Return an account's windows, one of them of a model."""
    values = {"fiveHour": session, "sevenDay": week, "models.Fable": week / 2}
    return {name: Window(min(100, int(percent)), None) for name, percent in values.items()}


def tasks(folder: Path) -> dict[str, Task]:
    """Return what is measured within one process; the first is the reference of ratios."""
    since, until = to_ms(NOW - WEEK), to_ms(NOW)
    return {
        "read the files": lambda: sum(map(len, contents(folder))),
        "array": lambda: sum(map(len, reader.array(folder, since, until))),
        "array by json.loads and dumps": lambda: len(json.dumps(parsed(folder))),
        "one account": lambda: len(reader.series(folder, ACCOUNT, since, until)),
        "one account by json.loads": lambda: len(picked(folder)),
        "every account": lambda: len(reader.all_series(folder, since, until)),
        "an hour": lambda: sum(map(len, reader.array(folder, until - 3_600_000, until))),
        "60 samples": lambda: len(sample(folder, since, until, 60).stamps),
    }


def contents(folder: Path) -> Iterator[bytes]:
    """Yield what is in each day file."""
    return (path.read_bytes() for path in sorted(folder.glob("history-*")))


def parsed(folder: Path) -> list[object]:
    """Return every line parsed."""
    return [json.loads(line) for text in contents(folder) for line in text.splitlines()]


def picked(folder: Path) -> list[object]:
    """Return one account's part of every line, parsed whole."""
    return [
        entry
        for text in contents(folder)
        for line in text.splitlines()
        for entry in json.loads(line)["accounts"]
        if entry["label"] == ACCOUNT
    ]


def commands(folder: Path, arguments: list[str]) -> dict[str, Task]:
    """Return whole processes that print a history; the first is the reference of ratios."""
    found: dict[str, Task] = {"python -c pass": partial(run, [sys.executable, "-c", "pass"])}
    for words in arguments:
        asked = [*words.split(), *([ACCOUNT] if words.endswith("--account") else [])]
        command = [CLDMON, "--config", str(folder / "config.toml"), "history", *asked]
        found[f"cldmon history {words}"] = partial(run, command)
    return found


def run(command: list[str]) -> None:
    """Run a command to its end, its output into a file."""
    with tempfile.TemporaryFile() as out:
        subprocess.run(command, stdout=out, check=True)


def show(rounds: int, tasks: dict[str, Task]) -> None:
    """Print the median time of each task in ms, and its ratio to the first."""
    measured: list[list[float]] = [
        [seconds(task) for task in tasks.values()] for _ in range(rounds)
    ]
    rows = [
        [
            name,
            statistics.median(times[number] for times in measured) * 1000,
            statistics.median(times[number] / times[0] for times in measured),
        ]
        for number, name in enumerate(tasks)
    ]
    print(tabulate(rows, headers=["", "ms", "×"], floatfmt=("", ".1f", ".2f")), end="\n\n")


def seconds(task: Task) -> float:
    """Return how long a task takes, wall time."""
    begun = time.perf_counter()
    task()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
