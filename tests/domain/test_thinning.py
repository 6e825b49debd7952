"""Fewer points for a chart, none of them invented."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.thinning import gaps, thin

if TYPE_CHECKING:
    from cldmon.domain.series import Point

WINDOWS = st.dictionaries(st.sampled_from(["fiveHour", "sevenDay"]), st.integers(0, 100))
POINTS = st.lists(st.tuples(st.integers(0, 1000), WINDOWS), max_size=60).map(
    lambda points: sorted(points, key=lambda point: point[0])
)


@given(POINTS, st.integers(1, 500))
def test_what_is_kept_was_there_and_in_order(points: list[Point], width: int) -> None:
    rest = iter(points)
    assert all(point in rest for point in thin(points, width))


@given(POINTS, st.integers(1, 500))
def test_every_bucket_keeps_its_ends_and_extremes(points: list[Point], width: int) -> None:
    kept = thin(points, width)
    for bucket in {stamp // width for stamp, _ in points}:
        whole = [p for p in points if p[0] // width == bucket]
        some = [p for p in kept if p[0] // width == bucket]
        assert (whole[0], whole[-1]) == (some[0], some[-1])
        for window in ("fiveHour", "sevenDay"):
            values = [w[window] for _, w in whole if window in w]
            left = [w[window] for _, w in some if window in w]
            assert (min(values, default=0), max(values, default=0)) == (
                min(left, default=0),
                max(left, default=0),
            )
        assert len(some) <= 6


@given(POINTS, st.integers(1, 500))
def test_what_was_thinned_stays_as_it_is(points: list[Point], width: int) -> None:
    once = thin(points, width)
    assert thin(once, width) == once


def test_a_gap_is_longer_than_the_longest_silence() -> None:
    points: list[Point] = [(0, {}), (10, {}), (21, {}), (31, {})]
    assert gaps(points, 10) == [(11, {})]
