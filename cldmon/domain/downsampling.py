"""Fewer points than were read, for a chart that could not show them all anyway."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from cldmon.domain.series import compute_max_gap, iter_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cldmon.domain.series import Line, Point

V = TypeVar("V")

KEPT_OF_A_BUCKET = 4
"""First, last, least and greatest."""

_MS = timedelta(milliseconds=1)


def downsample(points: Sequence[Point], width_ms: int) -> list[Point]:
    """Return the first and the last point of each bucket of time, and each window's extremes.

    A bucket is `width_ms` long. Points are in order of time.
    """
    return [point for bucket in _buckets(points, width_ms) for point in _outstanding(bucket)]


def downsample_line(line: Line, width_ms: int) -> Line:
    """Return of one window's readings the first, last, least and greatest of each bucket."""
    return [reading for bucket in _buckets(line, width_ms) for reading in _corners(bucket)]


class Downsampler:
    """An account's points, thinned part by part, as they come: all of them never lie in memory.

    What is a gap is known at the end alone, when it is known how often readings came.
    """

    def __init__(self, width_ms: int, interval: timedelta) -> None:
        self._width_ms = width_ms
        self._interval = interval
        self._kept: list[Point] = []
        self._seconds: Counter[int] = Counter()
        self._pauses: list[tuple[int, int]] = []

    def add(self, part: Sequence[Point]) -> None:
        """Take the next part, later than those before."""
        known = [*self._kept[-1:], *part]
        steps = list(iter_steps(known))
        least = compute_max_gap([], self._interval) // _MS
        self._pauses += [(known[n][0], step) for n, step in enumerate(steps) if step > least]
        self._seconds.update(step // 1000 for step in steps)
        self._kept += downsample(part, self._width_ms)

    def points(self) -> list[Point]:
        """Return what is left, and a point without windows where readings are missing.

        That one stands 1 ms after the last reading before.
        """
        steps = (step * 1000 for step in self._seconds.elements())
        longest = compute_max_gap(steps, self._interval) // _MS
        breaks: list[Point] = [(at + 1, {}) for at, pause in self._pauses if pause > longest]
        return sorted([*self._kept, *breaks], key=lambda point: point[0])


def _buckets(points: Sequence[tuple[int, V]], width_ms: int) -> Iterator[Sequence[tuple[int, V]]]:
    stamps = [stamp for stamp, _ in points]
    start = 0
    while start < len(points):
        end = bisect_left(stamps, (stamps[start] // width_ms + 1) * width_ms, start)
        yield points[start:end]
        start = end


def _outstanding(bucket: Sequence[Point]) -> Sequence[Point]:
    if len(bucket) <= 2:
        return bucket
    kept = {0, len(bucket) - 1}
    for window in set().union(*(windows for _, windows in bucket)):
        # In lists, for there may be a million points and min() with a key is slow.
        having = [n for n, (_, windows) in enumerate(bucket) if window in windows]
        values = [bucket[n][1][window] for n in having]
        kept |= {having[values.index(min(values))], having[values.index(max(values))]}
    return [bucket[n] for n in sorted(kept)]


def _corners(bucket: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    percents = [percent for _, percent in bucket]
    extremes = {percents.index(min(percents)), percents.index(max(percents))}
    return [bucket[n] for n in sorted({0, len(bucket) - 1} | extremes)]
