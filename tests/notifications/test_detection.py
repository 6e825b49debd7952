"""What happened between two good readings: every pair of them, by both rules."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.events import Event, EventKind, WindowAlerts
from cldmon.domain.model import Window
from cldmon.notifications.detection import ResetRule, Rules, detect
from tests.fakes import NOON

if TYPE_CHECKING:
    from datetime import datetime

HIT, RESET = EventKind.LIMIT_HIT, EventKind.USAGE_RESET
END = NOON + timedelta(hours=9)
SECOND = timedelta(seconds=1)
HOURS = timedelta(hours=5)


LATE = NOON + timedelta(days=1)
"""When no reset lies ahead: each change counts at once."""


def kinds(before: Window, after: Window, rule: ResetRule = ResetRule.ZERO) -> list[EventKind]:
    found, _ = detect(
        "alice", {"w": WindowAlerts(before)}, {"w": after}, at=LATE, rules=Rules(rule)
    )
    return [event.kind for event in found]


def walk(
    *percents: int | None, resets_at: datetime | None = END, rule: ResetRule = ResetRule.ZERO
) -> list[tuple[int, EventKind]]:
    """Return what happens, and at which reading, in passes ten minutes apart from NOON on.

    None is a reading without the window.
    """
    state: dict[str, WindowAlerts] = {}
    seen = []
    for number, percent in enumerate(percents):
        windows = {} if percent is None else {"w": Window(percent, resets_at)}
        at = NOON + number * timedelta(minutes=10)
        found, state = detect("alice", state, windows, at=at, rules=Rules(rule))
        seen += [(number, event.kind) for event in found if event.kind in (HIT, RESET)]
    return seen


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
    before: int, after: int, seen: list[EventKind], rule: ResetRule
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
    old: datetime | None, new: datetime | None, seen: list[EventKind]
) -> None:
    """Two reset times within two minutes are one; a limit raised in mid-window is no reset."""
    assert kinds(Window(100, old), Window(50, new), ResetRule.WINDOW) == seen


def test_only_what_is_in_both_readings_is_compared() -> None:
    """Absence is not zero, and a first reading is silent."""
    before = {"old": WindowAlerts(Window(100, None)), "both": WindowAlerts(Window(100, None))}
    after = {"new": Window(100, None), "both": Window(0, None)}
    seen, state = detect("alice", before, after, at=NOON, rules=Rules(ResetRule.ZERO))
    assert seen == [Event(RESET, "alice", "both", NOON, None, 0, limited_by="new")]
    assert {name: alerts.confirmed for name, alerts in state.items()} == {
        "old": Window(100, None),
        **after,
    }


def test_a_transition_carries_the_new_windows_reset_time() -> None:
    after = {"b": Window(100, END), "a": Window(100, None)}
    before = {
        "a": WindowAlerts(Window(1, None)),
        "b": WindowAlerts(Window(1, NOON)),
    }
    seen, _ = detect("alice", before, after, at=NOON, rules=Rules(ResetRule.ZERO))
    assert seen == [
        Event(HIT, "alice", "b", NOON, END, 100),
        Event(HIT, "alice", "a", NOON, None, 100),
    ]


@pytest.mark.parametrize(
    ("percents", "seen"),
    [
        ((50, 100, 0, 100), [(1, HIT)]),
        ((50, 100, 0, 95, 100), [(1, HIT)]),
        ((50, 100, 40, 96, 100, 0, 100), [(1, HIT)]),
        ((50, 100, 0, 0), [(1, HIT), (3, RESET)]),
        ((50, 100, 0, 4), [(1, HIT), (3, RESET)]),
        ((50, 100, 0, 94, 100), [(1, HIT), (3, RESET), (4, HIT)]),
        ((50, 100, 0, None, 0), [(1, HIT), (4, RESET)]),
        ((50, 100, 40, 0), [(1, HIT), (3, RESET)]),
        ((50, 100, 40, 40), [(1, HIT)]),
        ((98, 60, 100), [(2, HIT)]),
        ((98, 60, 60, 100), [(3, HIT)]),
        ((100, 99, 100, 99, 100), []),
        ((100, None, 0, 0), [(3, RESET)]),
        ((40, None, 100), [(2, HIT)]),
    ],
)
def test_a_fall_long_before_the_reset_is_confirmed_by_the_next_reading(
    percents: tuple[int | None, ...], seen: list[tuple[int, EventKind]]
) -> None:
    """One wrong sample sends nothing; an early reset is told one reading later."""
    assert walk(*percents) == seen


@pytest.mark.parametrize(
    ("ahead", "seen"),
    [
        (timedelta(minutes=60), [(1, RESET)]),
        (timedelta(minutes=75), []),
        (-timedelta(minutes=5), [(1, RESET)]),
    ],
)
def test_a_fall_within_the_last_hour_needs_no_confirmation(
    ahead: timedelta, seen: list[tuple[int, EventKind]]
) -> None:
    after_one_pass = NOON + timedelta(minutes=10) + ahead
    assert walk(100, 0, resets_at=after_one_pass) == seen
    assert walk(100, 0, resets_at=None) == [(1, RESET)]


def test_by_the_window_rule_an_early_reset_counts_though_use_has_begun_again() -> None:
    state: dict[str, WindowAlerts] = {"w": WindowAlerts(Window(100, END))}
    seen = []
    for minutes, window in ((10, Window(0, None)), (20, Window(4, END + HOURS))):
        at = NOON + timedelta(minutes=minutes)
        found, state = detect("alice", state, {"w": window}, at=at, rules=Rules(ResetRule.WINDOW))
        seen += found
    at = NOON + timedelta(minutes=20)
    assert seen == [Event(RESET, "alice", "w", at, END + HOURS, 4)]


def test_a_fall_that_never_happened_leaves_the_old_value_with_the_new_reset_time() -> None:
    later = END + SECOND
    state = {"w": WindowAlerts(Window(100, END), Window(0, END))}
    seen, state = detect(
        "alice", state, {"w": Window(96, later)}, at=NOON, rules=Rules(ResetRule.ZERO)
    )
    assert (seen, state) == ([], {"w": WindowAlerts(Window(100, later))})


@given(st.lists(st.integers(0, 100), min_size=1, max_size=12), st.sampled_from(ResetRule))
def test_a_single_wrong_sample_changes_no_message(percents: list[int], rule: ResetRule) -> None:
    """Whichever reading is followed by a lower one and then comes again: nothing more is sent."""
    rising = sorted(percents)
    for number in range(len(rising)):
        wrong = [*rising[: number + 1], rising[number] // 2, *rising[number:]]
        assert [k for _, k in walk(*wrong, rule=rule)] == [k for _, k in walk(*rising, rule=rule)]
