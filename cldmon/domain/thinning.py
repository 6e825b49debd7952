"""Fewer points than were read, for a chart that could not show them all anyway."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cldmon.domain.series import Line, Point

V = TypeVar("V")

KEPT_OF_A_BUCKET = 4
"""First, last, least and greatest."""


def thin(points: Sequence[Point], width_ms: int) -> list[Point]:
    """Return the first and the last point of each bucket of time, and each window's extremes.

    A bucket is `width_ms` long. Points are in order of time.
    """
    return [point for bucket in _buckets(points, width_ms) for point in _outstanding(bucket)]


def thin_line(line: Line, width_ms: int) -> Line:
    """Return of one window's readings the first, last, least and greatest of each bucket."""
    return [reading for bucket in _buckets(line, width_ms) for reading in _corners(bucket)]


def gaps(points: Sequence[Point], longest_ms: int) -> list[Point]:
    """Return a point without windows for each time in which readings are missing.

    It stands 1 ms after the last reading before; up to `longest_ms` between two is no gap.
    """
    return [
        (before + 1, {})
        for (before, _), (after, _) in pairwise(points)
        if after - before > longest_ms
    ]


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
