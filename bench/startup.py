"""What it costs to start: the wall time of whole commands against `python -c pass`.

Four accounts for whom passes have been made for a week; for a TAB, the worst of several lines of a
user with a hundred accounts.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench import sample_data
from bench.measurement import CLDMON, environment, measure_process, median_ratio, run_rounds
from bench.results import Effort, PartResult, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

REFERENCE = "`python -c pass`"
BOUNDS = {("status", "--format", "line"): 5.5, ("status",): 7.0, ("--help",): 4.5}
COMPLETION = 7.0
LINES = (
    "cldmon ",
    "cldmon fetch --account ",
    "cldmon status --account ",
    "cldmon history --range ",
    "cldmon subscribe ",
    "cldmon login ",
)
PAIRS = 31


def measure(effort: Effort) -> PartResult:
    """Measure every command, and a TAB."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = _user(folder / "few", sample_data.make_labels(4))
        many = _user(folder / "many", sample_data.make_labels(100))
        rows = [
            _row(f"`cldmon {' '.join(words)}`", [(words, env)], bound, effort)
            for words, bound in BOUNDS.items()
        ]
        tabs = [((), {**many, **_asked(line)}) for line in LINES]
        rows.append(_row("completion, the slowest of six lines", tabs, COMPLETION, effort))
    return PartResult(rows)


def _row(
    what: str,
    runs: Sequence[tuple[tuple[str, ...], dict[str, str]]],
    bound: float,
    effort: Effort,
) -> Row:
    found = [_measured(words, env, effort) for words, env in runs]
    ms, times = max(found, key=lambda each: each[1])
    return Row(what, REFERENCE, f"{ms:.0f} ms", f"{times:.1f} ×", f"≤ {bound} ×", times <= bound)


def _measured(words: tuple[str, ...], env: dict[str, str], effort: Effort) -> tuple[float, float]:
    """Return the ms that a command takes, and how many times Python's start that is."""
    alone = partial(measure_process, [sys.executable, "-c", "pass"], env)
    found = run_rounds(effort.rounds(PAIRS), alone, partial(measure_process, [CLDMON, *words], env))
    return 1000 * median(each[1] for each in found), median_ratio(found)


def _user(folder: Path, names: list[str]) -> dict[str, str]:
    """Return the environment of a user for whom passes have been made for a week."""
    config = sample_data.write_config(folder, names)
    sample_data.write_history(folder, names, timedelta(minutes=10), 7, datetime.now(UTC))
    sample_data.write_state(folder, names)
    users = ", ".join(f'"U{number:08d}": {{"accounts": {{}}}}' for number in range(100))
    (folder / "subscriptions.json").write_text(f'{{"users": {{{users}}}}}', encoding="utf-8")
    return environment(CLDMON_CONFIG=str(config))


def _asked(line: str) -> dict[str, str]:
    """Return what the shell says at a TAB."""
    words = {"_CLDMON_COMPLETE": "bash_complete", "COMP_WORDS": line}
    return {**words, "COMP_CWORD": str(line.count(" "))}
