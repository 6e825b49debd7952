"""What happened between two good readings: every pair of them, by both rules."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.model import Transition, TransitionKind, Window
from cldmon.domain.transitions import ResetRule, detect
from tests.fakes import NOON

if TYPE_CHECKING:
    from datetime import datetime

HIT, RESET = TransitionKind.LIMIT_HIT, TransitionKind.USAGE_RESET
END = NOON + timedelta(hours=2)
SECOND = timedelta(seconds=1)
HOURS = timedelta(hours=5)


def kinds(before: Window, after: Window, rule: ResetRule = ResetRule.ZERO) -> list[TransitionKind]:
    return [t.kind for t in detect("alice", {"w": before}, {"w": after}, at=NOON, rule=rule)]


@pytest.mark.parametrize("rule", ResetRule)
@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        (0, 0, []),
        (0, 99, []),
        (99, 0, []),
        (0, 100, [HIT]),
        (99, 100, [HIT]),
        (100, 100, []),
        (100, 0, [RESET]),
    ],
)
def test_a_limit_is_hit_at_a_hundred_and_free_at_zero(
    before: int, after: int, seen: list[TransitionKind], rule: ResetRule
) -> None:
    """Whatever the reset times say, which may be null at either end."""
    for old in (None, END):
        for new in (None, END, END + HOURS):
            assert kinds(Window(before, old), Window(after, new), rule) == seen


@pytest.mark.parametrize("after", [1, 50, 99])
def test_a_fall_short_of_zero_is_no_reset_as_documented(after: int) -> None:
    assert kinds(Window(100, END), Window(after, END + HOURS)) == []


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        (END, END, []),
        (END, END + SECOND, []),
        (END, END - SECOND, []),
        (END, END + timedelta(minutes=2), []),
        (END, END + timedelta(minutes=2) + SECOND, [RESET]),
        (END, END + HOURS, [RESET]),
        (END, END - HOURS, []),
        (END, None, [RESET]),
        (None, END, [RESET]),
        (None, None, []),
    ],
)
def test_by_the_window_rule_a_fall_into_a_new_window_is_a_reset(
    old: datetime | None, new: datetime | None, seen: list[TransitionKind]
) -> None:
    """Two reset times within two minutes are one; a limit raised in mid-window is no reset."""
    assert kinds(Window(100, old), Window(50, new), ResetRule.WINDOW) == seen


def test_only_what_is_in_both_readings_is_compared() -> None:
    """Absence is not zero, and first sight is silent."""
    before = {"old": Window(100, None), "both": Window(100, None)}
    after = {"new": Window(100, None), "both": Window(0, None)}
    seen = detect("alice", before, after, at=NOON, rule=ResetRule.ZERO)
    assert seen == [Transition(RESET, "alice", "both", NOON, None)]


def test_a_transition_carries_the_new_windows_reset_time() -> None:
    after = {"b": Window(100, END), "a": Window(100, None)}
    before = {"a": Window(1, None), "b": Window(1, END - HOURS)}
    assert detect("alice", before, after, at=NOON, rule=ResetRule.ZERO) == [
        Transition(HIT, "alice", "b", NOON, END),
        Transition(HIT, "alice", "a", NOON, None),
    ]
