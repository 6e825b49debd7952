"""What happened in a window over time, for charts and tables."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain import series
from cldmon.domain.downsampling import downsample_line
from cldmon.domain.events import EventKind
from cldmon.domain.instants import to_ms
from cldmon.domain.series import Gap
from cldmon.errors import UsageError

HIT, RESET = EventKind.LIMIT_HIT, EventKind.USAGE_RESET
MINUTE = 60_000
NAMES = ["fiveHour", "sevenDay", "models.Fable", "sevenDayOpus"]


def test_a_line_is_one_window_without_the_readings_that_lack_it() -> None:
    points = [(1, {"fiveHour": 5}), (2, {"sevenDay": 9}), (3, {"fiveHour": 0, "sevenDay": 9})]
    assert series.select_line(points, "fiveHour") == [(1, 5), (3, 0)]
    assert series.select_windows(points, ["fiveHour"]) == [
        (1, {"fiveHour": 5}),
        (3, {"fiveHour": 0}),
    ]
    assert series.has_any(points, ["sevenDay"])
    assert not series.has_any(points, ["models.Fable"])


def test_a_window_that_became_full_was_hit_and_one_that_fell_was_reset() -> None:
    alice = [
        (1, {"fiveHour": 90, "sevenDay": 99}),
        (2, {"fiveHour": 100, "sevenDay": 100}),
        (4, {"fiveHour": 0}),
    ]
    later = [(5, {"fiveHour": 100, "sevenDay": 100}), (6, {"fiveHour": 3})]
    events = [*series.find_limit_changes([{"alice": alice, "bob": [(3, {})]}, {"alice": later}])]
    assert [(to_ms(e.at), e.kind, e.label, e.window, e.utilization) for e in events] == [
        (2, HIT, "alice", "fiveHour", 100),
        (2, HIT, "alice", "sevenDay", 100),
        (4, RESET, "alice", "fiveHour", 0),
        (5, HIT, "alice", "fiveHour", 100),
        (6, RESET, "alice", "fiveHour", 3),
    ]


def test_a_window_full_or_free_from_the_start_did_not_change() -> None:
    accounts = {
        "alice": [(1, {"fiveHour": 100}), (2, {"fiveHour": 100, "sevenDay": 100})],
        "bob": [(1, {"fiveHour": 0}), (2, {"fiveHour": 40})],
    }
    assert [*series.find_limit_changes([accounts, {}])] == []


GAPS = [
    ({}, []),
    ({"alice": [0, 10, 20, 90, 100]}, [Gap(20, 90, "alice")]),
    ({"alice": [0, 10, 20]}, [Gap(20, None, "alice")]),
    ({"alice": [70, 80, 100]}, []),  # a new account
    ({"gone": [0, 10, 20]}, []),
    ({"alice": [0, 50, 100]}, []),  # passes were rare
    (
        {"alice": [0, 10, 20, 80, 90, 100], "bob": [0, 10, 20, 80, 90, 100]},
        [Gap(20, 80, None)],
    ),
    (
        {"alice": [0, 10, 20, 80, 90, 100], "bob": [0, 10, 90, 100]},
        [Gap(10, 90, "bob"), Gap(20, 80, "alice")],
    ),
    (
        {"alice": [0, 10, 60, 70], "bob": [0, 10, 60, 70], "carol": [0, 10, 30, 60, 70, 100]},
        [Gap(10, 60, "alice"), Gap(10, 60, "bob")],
    ),
    (
        {"alice": [0, 10, 20, 30], "bob": [0, 10, 20, 30]},
        [Gap(30, None, None)],
    ),
]


@pytest.mark.parametrize(("minutes", "expected"), GAPS)
def test_gaps_are_where_readings_are_missing_for_three_intervals(
    minutes: dict[str, list[int]], expected: list[Gap]
) -> None:
    """At the end only of accounts that are still read; one gap where nobody was read."""
    accounts = {
        label: [(each * MINUTE, {"fiveHour": 0}) for each in every]
        for label, every in minutes.items()
    }
    found = series.find_gaps(
        accounts, timedelta(minutes=10), 100 * MINUTE, ["alice", "bob", "carol"]
    )
    assert found == [
        Gap(gap.since_ms * MINUTE, gap.until_ms and gap.until_ms * MINUTE, gap.label)
        for gap in expected
    ]


def test_a_line_is_cut_where_readings_are_missing() -> None:
    line = [(0, 1), (10, 2), (41, 3), (71, 4)]
    assert series.split_at_gaps(line, 30) == [line[:2], line[2:]]
    assert series.split_at_gaps(line[:1], 30) == [line[:1]]


def test_three_intervals_without_readings_are_not_a_gap() -> None:
    """The interval is the configured one, or the usual one if passes were less frequent."""
    steps = [*series.iter_steps([(n * 10 * MINUTE, {}) for n in range(5)])]
    assert series.compute_max_gap(steps, timedelta(minutes=10)) == timedelta(minutes=30)
    assert series.compute_max_gap(steps, timedelta(minutes=1)) == timedelta(minutes=30)
    assert series.compute_max_gap(steps, timedelta(hours=1)) == timedelta(hours=3)
    assert series.compute_max_gap([], timedelta(hours=1)) == timedelta(hours=3)


lines = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100)), unique_by=lambda p: p[0]).map(
    sorted
)


@given(lines, st.integers(1, 100))
def test_a_downsampled_line_keeps_the_ends_and_extremes_of_each_bucket(
    line: list[tuple[int, int]], width: int
) -> None:
    thinned = downsample_line(line, width)
    assert thinned == sorted(set(thinned) & set(line))
    for bucket in {ms // width for ms, _ in line}:
        before, after = (
            [reading for reading in readings if reading[0] // width == bucket]
            for readings in (line, thinned)
        )
        assert len(after) <= 4
        assert (before[0], before[-1]) == (after[0], after[-1])
        assert {min(p for _, p in before), max(p for _, p in before)} <= {p for _, p in after}


def test_windows_are_the_session_the_week_then_the_others_by_name() -> None:
    points = [(1, {"models.Fable": 1, "sevenDay": 1}), (2, {"fiveHour": 1, "a": 2})]
    assert series.list_windows([points, []]) == ["fiveHour", "sevenDay", "a", "models.Fable"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("fiveHour", "fiveHour"),
        ("5h", "fiveHour"),
        ("7d", "sevenDay"),
        ("SevenDay", "sevenDay"),
        ("Fable", "models.Fable"),
        ("fable", "models.Fable"),
        ("models.Fable", "models.Fable"),
        ("7d Fable", "models.Fable"),
        ("opus", "sevenDayOpus"),
        ("current session", "fiveHour"),
    ],
)
def test_a_window_has_the_names_that_people_give_it(text: str, name: str) -> None:
    assert series.resolve_windows([text], NAMES) == [name]


def test_a_window_requested_twice_is_listed_once() -> None:
    assert series.resolve_windows(["7d", "5h", "sevenDay"], NAMES) == ["sevenDay", "fiveHour"]


def test_an_unknown_window_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no window 'x'; there are 5h, 7d, 7d Fable"):
        series.resolve_windows(["x"], NAMES)
