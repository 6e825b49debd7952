"""Fewer points than were read, for a chart that could not show them all anyway."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cldmon.domain.series import Point

KEPT_OF_A_BUCKET = 4
"""First, last, least and greatest."""


def thin(points: Sequence[Point], width_ms: int) -> list[Point]:
    """Return the first and the last point of each bucket of time, and each window's extremes.

    A bucket is `width_ms` long. Points are in order of time.
    """
    buckets = groupby(points, lambda point: point[0] // width_ms)
    return [point for _, bucket in buckets for point in _outstanding(list(bucket))]


def gaps(points: Sequence[Point], longest_ms: int) -> list[Point]:
    """Return a point without windows for each time in which readings are missing.

    It stands 1 ms after the last reading before; up to `longest_ms` between two is no gap.
    """
    return [
        (before + 1, {})
        for (before, _), (after, _) in pairwise(points)
        if after - before > longest_ms
    ]


def _outstanding(bucket: Sequence[Point]) -> Iterator[Point]:
    if len(bucket) <= 2:
        yield from bucket
        return
    kept = {0, len(bucket) - 1}
    for window in dict.fromkeys(name for _, windows in bucket for name in windows):
        having = [n for n, (_, windows) in enumerate(bucket) if window in windows]
        kept.add(min(having, key=lambda n: bucket[n][1][window]))
        kept.add(max(having, key=lambda n: bucket[n][1][window]))
    yield from (bucket[n] for n in sorted(kept))
