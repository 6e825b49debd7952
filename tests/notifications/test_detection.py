"""What happened between two good readings: every pair of them, by both rules."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.events import Event, EventKind, WindowAlerts
from cldmon.domain.forecast import Forecast
from cldmon.domain.model import Window
from cldmon.notifications.detection import ResetRule, Rules, detect
from tests.fakes import NOON

if TYPE_CHECKING:
    from datetime import datetime

HIT, RESET = EventKind.LIMIT_HIT, EventKind.USAGE_RESET
THRESHOLD, RUN_OUT, CHANGED = EventKind.THRESHOLD, EventKind.RUN_OUT, EventKind.LIMIT_CHANGED
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
        Event(HIT, "alice", "b", NOON, END, 100, limited_by="a"),
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


Step = int | Window | None
"""A percentage, with the usual reset; a window; or a reading without the window."""


def story(
    *steps: Step,
    name: str = "fiveHour",
    thresholds: tuple[int, ...] = (),
    full_at: tuple[datetime | None, ...] = (),
    rule: ResetRule = ResetRule.ZERO,
) -> list[tuple[int, EventKind, tuple[int, ...]]]:
    """Return what happens in passes ten minutes apart from NOON on: reading, kind, thresholds.

    `full_at` are the forecasts of the readings.
    """
    state: dict[str, WindowAlerts] = {}
    seen = []
    for number, step in enumerate(steps):
        window = Window(step, END) if isinstance(step, int) else step
        found, state = detect(
            "alice",
            state,
            {name: window} if window else {},
            at=NOON + number * timedelta(minutes=10),
            rules=Rules(rule, thresholds),
            forecasts={name: Forecast(full_at[number], 100)} if number < len(full_at) else {},
        )
        seen += [(number, event.kind, event.thresholds) for event in found]
    return seen


SOON = NOON + timedelta(minutes=15)
LATER_END = END + timedelta(days=1)


@pytest.mark.parametrize(
    ("thresholds", "steps", "seen"),
    [
        pytest.param((80,), (79, 80), [(1, (80,))], id="reached exactly"),
        pytest.param((80,), (79, 81, 85, 99), [(1, (80,))], id="once"),
        pytest.param((80,), (80, 90), [], id="not below before: a new subscription is silent"),
        pytest.param((80,), (90, 95), [], id="first sight"),
        pytest.param((80, 95), (50, 96), [(1, (80, 95))], id="several at once are one event"),
        pytest.param((80, 95), (50, 80, 95), [(1, (80,)), (2, (95,))], id="one after the other"),
        pytest.param((1, 99), (0, 1, 99), [(1, (1,)), (2, (99,))], id="the ends"),
        pytest.param((80,), (50, None, 80), [(2, (80,))], id="absent in between"),
        pytest.param((80,), (79, 85, 71, 71, 85), [(1, (80,))], id="fell by less than ten"),
        pytest.param((80,), (79, 85, 70, 70, 85), [(1, (80,)), (4, (80,))], id="re-armed"),
        pytest.param((80,), (79, 95, 70, 85), [(1, (80,)), (3, (80,))], id="re-armed in between"),
        pytest.param((80,), (79, 85, 20, 85), [(1, (80,))], id="a wrong sample re-arms nothing"),
        pytest.param((80,), (79, 85, 20, 81), [(1, (80,))], id="nor if it comes a little lower"),
        pytest.param((80,), (79, 85, None, 85), [(1, (80,))], id="absence re-arms nothing"),
        pytest.param(
            (80,),
            (79, 85, Window(3, LATER_END), Window(75, LATER_END), Window(80, LATER_END)),
            [(1, (80,)), (4, (80,))],
            id="again in a new window",
        ),
    ],
)
def test_a_threshold_fires_once_per_window_instance(
    thresholds: tuple[int, ...], steps: tuple[Step, ...], seen: list[tuple[int, tuple[int, ...]]]
) -> None:
    found = story(*steps, thresholds=thresholds)
    assert [(number, crossed) for number, kind, crossed in found if kind is THRESHOLD] == seen


@pytest.mark.parametrize(
    ("before", "after", "fires_again"),
    [
        # Due, and over two minutes later: a new instance though the percentage never fell.
        (Window(85, NOON), Window(85, NOON + HOURS), True),
        (Window(85, NOON), Window(85, NOON + timedelta(minutes=2)), False),
        (Window(85, None), Window(85, END), True),
        (Window(85, None), Window(85, None), False),
        (Window(85, NOON), Window(85, None), False),
        # Still running: it is the same one, however its reset moves.
        (Window(85, END), Window(85, END + HOURS), False),
        # A confirmed fall to a new window, whatever the old reset.
        (Window(85, END), Window(75, END + HOURS), True),
        (Window(85, END), Window(75, END), False),
        (Window(85, END), Window(75, None), True),
    ],
)
@pytest.mark.parametrize("rule", ResetRule)
def test_a_window_instance_begins_by_the_reset_or_a_fall(
    before: Window, after: Window, fires_again: bool, rule: ResetRule
) -> None:
    """Shown by a threshold that has fired: 78 to 80 is no re-arming, a new instance is."""
    state = {"w": WindowAlerts(before, fired=(80,))}
    rules = Rules(rule, (80,))
    at = NOON + timedelta(minutes=1)
    for window in (after, after, Window(75, after.resets_at), Window(75, after.resets_at)):
        found, state = detect("alice", state, {"w": window}, at=at, rules=rules)
        assert THRESHOLD not in [event.kind for event in found]
    found, _ = detect("alice", state, {"w": Window(80, after.resets_at)}, at=at, rules=rules)
    assert [event.kind for event in found] == [THRESHOLD] * fires_again


def test_an_early_fall_begins_an_instance_though_its_reset_moves_one_reading_later() -> None:
    """The first reading after the fall may still have the old reset."""
    state = {"w": WindowAlerts(Window(85, END), fired=(5, 80), run_out_fired=True)}
    steps = (Window(0, END), Window(4, LATER_END), Window(6, LATER_END))
    seen = []
    for number, window in enumerate(steps):
        at = NOON + number * timedelta(minutes=10)
        found, state = detect("alice", state, {"w": window}, at=at, rules=Rules(thresholds=(5, 80)))
        seen += [(number, event.kind, event.thresholds) for event in found]
    assert seen == [(2, THRESHOLD, (5,))]
    assert not state["w"].run_out_fired


EARLY = END - timedelta(minutes=30)


@pytest.mark.parametrize(
    ("name", "full_at", "steps", "seen"),
    [
        pytest.param("fiveHour", [EARLY], (50,), [], id="one reading"),
        pytest.param("fiveHour", [EARLY, EARLY], (50, 51), [1], id="two in a row"),
        pytest.param("fiveHour", [EARLY] * 5, (50, 51, 52, 53, 54), [1], id="once"),
        pytest.param("fiveHour", [EARLY, None, EARLY], (50, 51, 52), [], id="not in a row"),
        pytest.param("fiveHour", [EARLY, None, EARLY, EARLY], (50, 51, 52, 53), [3], id="later"),
        pytest.param("fiveHour", [EARLY + SECOND] * 3, (50, 51, 52), [], id="too late to say"),
        pytest.param(
            "sevenDay", [END - timedelta(hours=16, minutes=48)] * 2, (50, 51), [1], id="a week"
        ),
        pytest.param(
            "sevenDay",
            [END - timedelta(hours=16, minutes=47)] * 2,
            (50, 51),
            [],
            id="a tenth of a week",
        ),
        pytest.param("unknown", [EARLY] * 2, (50, 51), [1], id="a window of unknown duration"),
        pytest.param(
            "fiveHour",
            [EARLY] * 2 + [None] + [EARLY] * 3,
            (50, 51, *[Window(n, LATER_END) for n in (3, 4, 5, 6)]),
            [1, 4],
            id="again in a new window",
        ),
        pytest.param("fiveHour", [EARLY] * 2, (Window(50, None), Window(51, None)), [], id="none"),
    ],
)
def test_a_window_that_will_run_out_early_is_one_event_after_two_readings(
    name: str, full_at: list[datetime | None], steps: tuple[Step, ...], seen: list[int]
) -> None:
    found = story(*steps, name=name, full_at=tuple(full_at))
    assert [number for number, kind, _ in found if kind is RUN_OUT] == seen


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("rule", ResetRule)
@pytest.mark.parametrize(
    ("steps", "seen"),
    [
        pytest.param((50, 44, 44), [2], id="fell"),
        pytest.param((50, 45, 45), [], id="within five points: never happened"),
        pytest.param((50, 45, 47), [], id="never happened"),
        pytest.param((50, 20, 22), [2], id="use goes on"),
        pytest.param((100, 60, 60), [2], id="a full limit was raised"),
        pytest.param((50, 20, 20, 20, 5, 5), [2, 5], id="each change"),
        pytest.param((50, Window(20, END + 2 * MINUTE), Window(20, END)), [2], id="jitter"),
        pytest.param((50, Window(50, END + 10 * MINUTE)), [], id="moved by ten minutes"),
        pytest.param((50, Window(50, END + 10 * MINUTE + SECOND)), [1], id="moved by more"),
        pytest.param((50, Window(60, END - 11 * MINUTE)), [1], id="moved forward"),
        pytest.param((50, *[Window(50, LATER_END)] * 3), [1], id="moved once"),
        pytest.param((50, *[Window(44, LATER_END)] * 2), [], id="moved, but fell"),
        pytest.param((50, *[Window(49, LATER_END)] * 2), [2], id="moved; the fall never happened"),
        pytest.param((50, *[Window(5, LATER_END)] * 2), [], id="a reset in mid-window"),
        pytest.param((50, Window(5, None), Window(6, LATER_END)), [], id="the same, seen idle"),
        pytest.param((Window(50, SOON), Window(45, SOON)), [1], id="late: by five, at once"),
        pytest.param((Window(50, SOON), Window(46, SOON)), [], id="late: by four"),
        pytest.param((Window(50, SOON), 50, 50), [1], id="moved late"),
        pytest.param((Window(50, NOON), 50, 50), [], id="the old one has passed"),
        pytest.param((Window(50, NOON), Window(20, NOON)), [], id="overdue"),
        pytest.param((Window(50, None), 50), [], id="began"),
        pytest.param((50, Window(50, None)), [], id="lost its reset"),
        pytest.param((50, None, 50), [], id="absent"),
    ],
)
def test_a_limit_that_was_changed_within_a_running_window(
    steps: tuple[Step, ...], seen: list[int], rule: ResetRule
) -> None:
    found = story(*steps, rule=rule)
    assert [number for number, kind, _ in found if kind is CHANGED] == seen
    assert [kind for _, kind, _ in found if kind is not CHANGED] == []


@pytest.mark.parametrize("fallen", [Window(0, END), Window(0, None), Window(0, LATER_END)])
def test_a_reset_is_never_also_a_change(fallen: Window) -> None:
    for last in (fallen, Window(4, fallen.resets_at)):
        assert [kind for _, kind, _ in story(99, 100, fallen, last)] == [HIT, RESET]


def test_a_hit_beside_a_moved_reset_is_both() -> None:
    assert [kind for _, kind, _ in story(99, Window(100, LATER_END))] == [HIT, CHANGED]


def test_a_change_carries_the_window_before_it() -> None:
    state = {"w": WindowAlerts(Window(50, END))}
    found, _ = detect("alice", state, {"w": Window(50, LATER_END)}, at=NOON, rules=Rules())
    assert [(event.before, event.utilization) for event in found] == [(Window(50, END), 50)]


def test_a_reset_says_which_other_limit_holds_longest() -> None:
    weeks = {"sevenDay": Window(100, END + HOURS), "sevenDayOpus": Window(100, END)}
    others = {**weeks, "models.Fable": Window(99, LATER_END), "due": Window(100, NOON)}
    state = {"fiveHour": WindowAlerts(Window(100, NOON))}
    windows = {"fiveHour": Window(0, None), **others}
    [found], _ = detect("alice", state, windows, at=NOON, rules=Rules())
    assert (found.limited_by, found.limited_until) == ("sevenDay", END + HOURS)
    windows["unknown"] = Window(100, None)
    [found], _ = detect("alice", state, windows, at=NOON, rules=Rules())
    assert (found.limited_by, found.limited_until) == ("unknown", None)


@pytest.mark.parametrize(
    ("until", "week", "expected"),
    [
        (END, Window(100, LATER_END), ("sevenDay", LATER_END)),
        (END, Window(100, None), ("sevenDay", None)),
        (END, Window(99, LATER_END), (None, None)),
        (END, Window(100, END), (None, None)),
        (LATER_END, Window(100, END), (None, None)),
        (None, Window(100, LATER_END), (None, None)),
    ],
)
def test_a_hit_says_which_other_limit_holds_longer(
    until: datetime | None, week: Window, expected: object
) -> None:
    state = {"fiveHour": WindowAlerts(Window(99, until)), "sevenDay": WindowAlerts(week)}
    windows = {"fiveHour": Window(100, until), "sevenDay": week}
    [found], _ = detect("alice", state, windows, at=NOON, rules=Rules())
    assert found.kind is HIT
    assert (found.limited_by, found.limited_until) == expected
