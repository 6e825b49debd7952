"""A month of ten accounts, every twentieth pass in a real Chromium; see bench/soak.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.soak import run_passes, start_month
from tests.reliability.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.reliability.month import Month

PASSES = 4_000
WAYS = {
    "plain": "passes without a browser, in one process",
    "browser": "passes by `cldmon fetch` in a real Chromium",
    "browser_killed": "SIGKILL of such a pass at a random moment",
    "killed": "SIGKILL of a pass before a random call into the kernel",
    "full_disk": "passes on a disk that becomes full",
    "overlap": "passes while another one runs",
}


def run_cases(folder: Path) -> Iterator[Result]:
    """Live through the month, and count the passes by how they were made."""
    with start_month(folder, passes=PASSES) as month:
        problems, _, _ = run_passes(month, PASSES, 20)
    yield from counted(month, problems)


def counted(month: Month, problems: list[str]) -> Iterator[Result]:
    """Yield a result for each way to make a pass, and one of what was wrong."""
    for way, words in WAYS.items():
        result = Result(words)
        result.tried = result.survived = month.events[way]
        yield result
    result = Result("messages that were due")
    result.tried = result.survived = sum(month.due.values())
    for problem in problems:
        with result.case("the month"):
            raise AssertionError(problem)
    yield result
