"""A sick disk and machine: a sample of what `scripts/reliability` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reliability import disk, machine
from tests.reliability.sample import spread

if TYPE_CHECKING:
    from pathlib import Path

    from tests.reliability.brink import Brink


def test_a_disk_that_refuses_is_told_in_words_and_loses_nothing(
    brink: Brink, tmp_path: Path
) -> None:
    """The last case: what fails when all is done, the closing of the lock, is no failure."""
    steps = disk.steps(brink, tmp_path / "log")
    for number, error in enumerate(("ENOSPC", "EACCES")):
        hit = disk.hit(steps, error)
        disk.refused(brink, error, spread(hit, 1, seed=number)).check()
    lock = [step for step in steps if step.call == "close" and "fetch.lock" in step.what]
    disk.refused(brink, "EIO", lock).check()


def test_a_read_only_disk_is_told_in_a_line(brink: Brink) -> None:
    disk.read_only(brink, [("fetch",)]).check()


def test_a_full_temporary_folder_is_told_in_words(brink: Brink) -> None:
    disk.crammed(brink).check()


def test_of_many_passes_at_once_one_runs(brink: Brink) -> None:
    machine.passes_at_once(brink, 8).check()


def test_of_many_changes_at_once_none_is_lost(brink: Brink) -> None:
    machine.changes_at_once(brink, 8).check()


def test_a_clock_that_is_set_back_in_mid_pass_loses_nothing(brink: Brink) -> None:
    machine.clocks(brink, ["an hour back"], looks=[2]).check()


def test_a_browser_without_memory_is_told_in_a_line(brink: Brink) -> None:
    machine.starved(brink, [("d", 20_000)]).check()
