"""Within bounds: a sample of what `scripts/reliability bounds` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import damage
from tests.reliability import bounds, damaged, overgrown

if TYPE_CHECKING:
    from pathlib import Path


def test_with_few_threads_slow_connections_block_nobody(tmp_path: Path) -> None:
    bounds.limit_tasks(tmp_path, [24, 256]).check()


def test_many_visitors_are_answered_within_the_limits_of_the_unit(tmp_path: Path) -> None:
    bounds.apply_load(tmp_path, visitors=32, rounds=1).check()


def test_a_guest_who_asks_for_many_charts_blocks_no_other(tmp_path: Path) -> None:
    bounds.request_charts(tmp_path, 3).check()


def test_a_guest_who_takes_long_answers_by_drops_blocks_no_other(tmp_path: Path) -> None:
    bounds.request_long_answers(tmp_path, 3).check()


def test_a_file_that_is_damaged_lets_nobody_in_and_hangs_nothing(tmp_path: Path) -> None:
    harms = {**damage.CONTENTS, **damage.PLACES}
    some = ("cut by three bytes", "nested deeply", "a pipe")
    damaged.damage_files(tmp_path, {name: harms[name] for name in some}, restarts=3).check()


def test_a_day_that_is_far_too_large_keeps_its_lines_and_fills_no_memory(tmp_path: Path) -> None:
    some = ("8 of blanks", "64 MB of zeros behind")
    overgrown.grow_days(tmp_path, {name: overgrown.FILLS[name] for name in some}, asked=2).check()


def test_a_lock_that_another_process_holds_blocks_nobody(tmp_path: Path) -> None:
    bounds.hold_locks(tmp_path, 3).check()
