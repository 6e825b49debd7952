"""What a TAB costs: the wall time of what the shell waits for, against `python -c pass`.

Medians of paired runs, with byte code cached, as an installed package has it.

Usage: completion.py [--pairs N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

CLDMON = str(Path(sys.executable).with_name("cldmon"))
LINES = (
    "cldmon ",
    "cldmon fetch --account ",
    "cldmon status --account ",
    "cldmon history --range ",
    "cldmon subscribe ",
    "cldmon login ",
)
ACCOUNTS = 100


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=31)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder))
        rows = [measure(line, env, pairs) for line in LINES]
    print(tabulate(rows, headers=["line", "ms", "× python"], floatfmt=".1f"))


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a user with many accounts and subscriptions."""
    labels = (f'[[accounts]]\nlabel = "account-{n}"\n' for n in range(ACCOUNTS))
    (folder / "config.toml").write_text('data_dir = "."\n' + "".join(labels))
    users = ", ".join(f'"U{n:08d}": {{"accounts": {{}}}}' for n in range(ACCOUNTS))
    (folder / "subscriptions.json").write_text(f'{{"users": {{{users}}}}}')
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "CLDMON_CONFIG": str(folder / "config.toml")}


def measure(line: str, env: dict[str, str], pairs: int) -> list[str | float]:
    """Return a row of the table for a command line."""
    asked = {"_CLDMON_COMPLETE": "bash_complete", "COMP_WORDS": line}
    asked["COMP_CWORD"] = str(line.count(" "))
    runs = [
        (run([sys.executable, "-c", "pass"], env), run([CLDMON], {**env, **asked}))
        for _ in range(pairs + 1)
    ][1:]
    ratio = statistics.median(ours / bare for bare, ours in runs)
    return [line, 1000 * statistics.median(ours for _, ours in runs), ratio]


def run(command: list[str], env: dict[str, str]) -> float:
    """Return the seconds that a command takes."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
