"""Losses of power: all that a disk may hold after each call of a pass and of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reliability import outage
from tests.reliability.brink import on_the_brink
from tests.reliability.sample import few

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.reliability.result import Result


def run_cases(folder: Path) -> Iterator[Result]:
    """Make all of them."""
    log, changes, passes = folder / "log", folder / "changes", folder / "passes"
    changes.mkdir()
    passes.mkdir()
    with on_the_brink(folder / "brink") as brink:
        yield outage.of_the_first_pass(brink, "Power lost after the very first pass", log)
        yield outage.changes_survived(
            brink,
            "Power lost at any moment of a change of subscriptions",
            few(outage.of_a_change(brink, log)),
            changes,
        )
        yield outage.code_damaged(brink)
        yield outage.after_a_kill(
            brink,
            "SIGKILL after a pass has written state or history, then power lost in the next",
            log,
            lambda call: call.name == "write" and "browser" not in call.path,
        )
        yield outage.survived(
            brink,
            "Power lost at any moment of a pass",
            few(outage.of_a_pass(brink, log)),
            passes,
        )
