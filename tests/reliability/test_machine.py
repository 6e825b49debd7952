"""A faulty disk and machine: a sample of what `scripts/reliability` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reliability import disk, machine
from tests.reliability.sample import spread

if TYPE_CHECKING:
    from pathlib import Path

    from tests.reliability.scenario import TwoAccountScenario


def test_a_disk_that_refuses_is_reported_in_words_and_loses_nothing(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    """The last case: what fails when all is done, the closing of the lock, is no failure."""
    steps = disk.trace_steps(scenario, tmp_path / "log")
    for number, error in enumerate(("ENOSPC", "EACCES")):
        hit = disk.select_steps(steps, error)
        disk.refuse_calls(scenario, error, spread(hit, 1, seed=number)).check()
    lock = [step for step in steps if step.call == "close" and "fetch.lock" in step.what]
    disk.refuse_calls(scenario, "EIO", lock).check()


def test_a_read_only_disk_is_reported_in_a_line(scenario: TwoAccountScenario) -> None:
    disk.make_read_only(scenario, [("fetch",)]).check()


def test_a_full_temporary_folder_is_reported_in_words(scenario: TwoAccountScenario) -> None:
    disk.fill_temp_dir(scenario).check()


def test_of_many_passes_at_once_one_runs(scenario: TwoAccountScenario) -> None:
    machine.run_passes_at_once(scenario, 4).check()


def test_of_many_changes_at_once_none_is_lost(scenario: TwoAccountScenario) -> None:
    machine.run_changes_at_once(scenario, 4).check()


def test_a_clock_that_is_set_back_in_mid_pass_loses_nothing(scenario: TwoAccountScenario) -> None:
    machine.shift_clock(scenario, ["an hour back"], looks=[2]).check()


def test_a_browser_without_memory_is_reported_in_a_line(scenario: TwoAccountScenario) -> None:
    machine.limit_memory(scenario, [("d", 20_000)]).check()
