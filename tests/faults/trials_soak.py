"""A month of ten accounts, every twentieth pass in a real Chromium; see bench/soak.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.soak import lived, settled
from tests.faults.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.month import Month

PASSES = 4_000
WAYS = {
    "plain": "passes without a browser, in one process",
    "browser": "passes by `cldmon fetch` in a real Chromium",
    "browser_killed": "SIGKILL of such a pass at a random moment",
    "killed": "SIGKILL of a pass before a random call into the kernel",
    "full_disk": "passes on a disk that fills in the midst",
    "overlap": "passes while another one runs",
}


def trials(folder: Path) -> Iterator[Tally]:
    """Live through the month, and count the passes by how they were made."""
    with settled(folder, passes=PASSES) as month:
        problems, _, _ = lived(month, PASSES, 20)
    yield from counted(month, problems)


def counted(month: Month, problems: list[str]) -> Iterator[Tally]:
    """Yield a tally for each way to make a pass, and one of what was wrong."""
    for way, words in WAYS.items():
        tally = Tally(words)
        tally.tried = tally.survived = month.events[way]
        yield tally
    tally = Tally("messages that were due to somebody")
    tally.tried = tally.survived = sum(month.due.values())
    for problem in problems:
        with tally.trial("the month"):
            raise AssertionError(problem)
    yield tally
