"""Downsampling keeps the shape and invents no points."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.downsampling import Downsampler, downsample

if TYPE_CHECKING:
    from cldmon.domain.series import Point

MINUTE = 60_000
WINDOWS = st.dictionaries(st.sampled_from(["fiveHour", "sevenDay"]), st.integers(0, 100))
POINTS = st.lists(st.tuples(st.integers(0, 1000), WINDOWS), max_size=60).map(
    lambda points: sorted(points, key=lambda point: point[0])
)


@given(POINTS, st.integers(1, 500))
def test_what_is_kept_was_there_and_in_order(points: list[Point], width: int) -> None:
    rest = iter(points)
    assert all(point in rest for point in downsample(points, width))


@given(POINTS, st.integers(1, 500))
def test_every_bucket_keeps_its_ends_and_extremes(points: list[Point], width: int) -> None:
    kept = downsample(points, width)
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
def test_downsampling_is_idempotent(points: list[Point], width: int) -> None:
    once = downsample(points, width)
    assert downsample(once, width) == once


def downsample_minutes(*parts: list[int]) -> list[Point]:
    """Downsample readings at these minutes, part by part, with a pass every ten minutes."""
    together = Downsampler(width_ms=1, interval=timedelta(minutes=10))
    for part in parts:
        together.add([(minute * MINUTE, {"fiveHour": 1}) for minute in part])
    return together.points()


def find_gaps(*parts: list[int]) -> list[int]:
    """Return the minutes after which readings are missing."""
    return [stamp // MINUTE for stamp, windows in downsample_minutes(*parts) if not windows]


def test_a_gap_is_longer_than_three_intervals() -> None:
    assert find_gaps([0, 10, 20, 50, 81, 91]) == [50]
    assert (50 * MINUTE + 1, {}) in downsample_minutes([0, 10, 20, 50, 81, 91])


def test_both_ends_of_a_gap_are_kept() -> None:
    """Also in a bucket that is longer than the gap."""
    sampler = Downsampler(width_ms=1000 * MINUTE, interval=timedelta(minutes=10))
    minutes = [*range(0, 300, 10), *range(400, 900, 10)]
    sampler.add([(minute * MINUTE, {"fiveHour": minute % 70}) for minute in minutes])
    assert {290 * MINUTE, 290 * MINUTE + 1, 400 * MINUTE} <= {at for at, _ in sampler.points()}


@pytest.mark.parametrize(
    "parts", [([0, 10, 20], [3000], [3010]), ([0], [3000, 3010, 3020]), ([0], [3000], [3010, 3020])]
)
def test_a_gap_between_parts_is_one_however_few_readings_they_have(parts: list[list[int]]) -> None:
    [before] = find_gaps(*parts)
    assert before == max(minute for part in parts for minute in part if minute < 3000)


def test_infrequent_passes_are_not_gaps() -> None:
    assert find_gaps(*([day * 1440] for day in range(7))) == []
    assert find_gaps(*([day * 1440] for day in (0, 1, 2, 3, 9, 10, 11))) == [3 * 1440]


@given(st.lists(st.integers(0, 2000), unique=True).map(sorted), st.integers(0, 20))
def test_parts_together_are_what_they_are_at_once(minutes: list[int], cut: int) -> None:
    assert downsample_minutes(minutes[:cut], minutes[cut:]) == downsample_minutes(minutes)
