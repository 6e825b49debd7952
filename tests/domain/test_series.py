"""What happened in a window over time, for charts and tables."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain import series
from cldmon.domain.downsampling import downsample_line
from cldmon.domain.events import EventKind
from cldmon.domain.series import LimitChange
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


def test_marks_stand_where_a_window_became_full_and_free() -> None:
    session = [(1, 90), (2, 100), (3, 100), (4, 0), (5, 100), (6, 3)]
    week = [(1, 99), (2, 100), (7, 100)]
    expected = [(2, HIT), (4, RESET), (5, HIT), (6, RESET)]
    assert series.find_limit_changes([session, week]) == [
        LimitChange(ms, kind) for ms, kind in expected
    ]


def test_a_line_full_or_empty_from_the_start_has_no_mark() -> None:
    assert (
        series.find_limit_changes([[(1, 100), (2, 100)], [(1, 0), (2, 40)], [(1, 100)], []]) == []
    )


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
    with pytest.raises(UsageError, match="no window 'x' in this span; there are 5h, 7d, 7d Fable"):
        series.resolve_windows(["x"], NAMES)
