"""The cost of starting: the wall time of whole commands against `python -c pass`.

Four accounts with a week of passes; for completion, the slowest of several lines of a user with a
hundred accounts.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from bench import sample_data
from bench.measurement import CLDMON, environment, measure_process, median_ratio, run_rounds
from bench.results import Effort, PartResult, Row

REFERENCE = "`python -c pass`"
BOUNDS = {("status", "--format", "line"): 5.5, ("status",): 7.0, ("--help",): 4.5}
COMPLETION_BOUND = 7.0
COMPLETED_LINES = (
    "cldmon ",
    "cldmon fetch --account ",
    "cldmon status --account ",
    "cldmon history --range ",
    "cldmon subscribe ",
    "cldmon login ",
)
ROUNDS = 31


def measure(effort: Effort) -> PartResult:
    """Measure every command, and completion."""
    with tempfile.TemporaryDirectory() as name:
        env = _environment(Path(name, "few"), sample_data.make_labels(4))
        rows = [
            _row(f"`cldmon {' '.join(words)}`", *_measure(words, env, effort), bound)
            for words, bound in BOUNDS.items()
        ]
        env = _environment(Path(name, "many"), sample_data.make_labels(100))
        env["_CLDMON_COMPLETE"] = "bash_complete"
        slowest = max(
            _measure((), {**env, "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}, effort)
            for line in COMPLETED_LINES
        )
        rows.append(_row("completion, the slowest of six lines", *slowest, COMPLETION_BOUND))
    return PartResult(rows)


def _row(what: str, ratio: float, ms: float, bound: float) -> Row:
    return Row(what, REFERENCE, f"{ms:.0f} ms", f"{ratio:.1f} ×", f"≤ {bound} ×", ratio <= bound)


def _measure(words: tuple[str, ...], env: dict[str, str], effort: Effort) -> tuple[float, float]:
    """Return the ratio of a command's time to the reference, and its time in ms."""
    reference = partial(measure_process, [sys.executable, "-c", "pass"], env)
    command = partial(measure_process, [CLDMON, *words], env)
    found = run_rounds(effort.rounds(ROUNDS), reference, command)
    return median_ratio(found), 1000 * median(seconds for _, seconds in found)


def _environment(folder: Path, labels: list[str]) -> dict[str, str]:
    """Return the environment of a user with a week of passes."""
    config = sample_data.write_config(folder, labels)
    sample_data.write_history(folder, labels, timedelta(minutes=10), 7, datetime.now(UTC))
    sample_data.write_state(folder, labels)
    users = ", ".join(f'"U{number:08d}": {{"accounts": {{}}}}' for number in range(100))
    (folder / "subscriptions.json").write_text(f'{{"users": {{{users}}}}}', encoding="utf-8")
    return environment(CLDMON_CONFIG=str(config))
