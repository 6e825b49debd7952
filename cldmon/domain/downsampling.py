"""Downsampling for charts, which could not show all points anyway."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from cldmon.domain.series import compute_max_gap, iter_steps, select_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cldmon.domain.series import Line, Point

KEPT_OF_A_BUCKET = 4
"""First, last, lowest and highest."""

_MS = timedelta(milliseconds=1)


def downsample(points: Sequence[Point], width_ms: int) -> list[Point]:
    """Return the first and the last point of each bucket of time, and each window's extremes.

    A bucket is `width_ms` long. Points are in order of time.
    """
    stamps = [stamp for stamp, _ in points]
    kept, start = [], 0
    while start < len(points):
        end = bisect_left(stamps, (stamps[start] // width_ms + 1) * width_ms, start)
        chosen = {start, end - 1}
        for window in set().union(*(windows for _, windows in points[start:end])):
            # In lists, since there may be a million points and min() with a key is slow.
            having = [n for n in range(start, end) if window in points[n][1]]
            values = [points[n][1][window] for n in having]
            chosen |= {having[values.index(min(values))], having[values.index(max(values))]}
        kept += [points[n] for n in sorted(chosen)]
        start = end
    return kept


def downsample_line(line: Line, width_ms: int) -> Line:
    """Return the first, last, lowest and highest reading of each bucket, of a single window."""
    points = downsample([(ms, {"": percent}) for ms, percent in line], width_ms)
    return select_line(points, "")


@dataclass(eq=False, repr=False)
class Downsampler:
    """Downsamples an account's points part by part, so that they are never all in memory.

    Gaps can only be told at the end, once the usual time between readings is known.
    """

    width_ms: int
    interval: timedelta
    _kept: list[Point] = field(default_factory=list, init=False)
    _seconds: Counter[int] = field(default_factory=Counter, init=False)
    _pauses: list[tuple[Point, Point]] = field(default_factory=list, init=False)

    def add(self, part: Sequence[Point]) -> None:
        """Add the next part, which is later than those before."""
        known = [*self._kept[-1:], *part]
        least = compute_max_gap([], self.interval) // _MS
        self._pauses += [(a, b) for a, b in pairwise(known) if b[0] - a[0] > least]
        self._seconds.update(step // 1000 for step in iter_steps(known))
        # The last bucket may go on in this part: it is thinned again, with what was kept of it.
        start, width = len(self._kept), self.width_ms
        while start and part and self._kept[start - 1][0] // width == part[0][0] // width:
            start -= 1
        self._kept[start:] = downsample([*self._kept[start:], *part], width)

    def points(self) -> list[Point]:
        """Return the points that were kept, and one without windows where readings are missing.

        That one is 1 ms after the last reading before the gap. Both ends of a gap are kept, too.
        """
        steps = (step * 1000 for step in self._seconds.elements())
        longest = compute_max_gap(steps, self.interval) // _MS
        gaps = [(a, b) for a, b in self._pauses if b[0] - a[0] > longest]
        kept = {at for at, _ in self._kept}
        ends = {at: windows for gap in gaps for at, windows in gap if at not in kept}
        breaks: list[Point] = [(a[0] + 1, {}) for a, _ in gaps]
        return sorted([*self._kept, *ends.items(), *breaks], key=lambda point: point[0])
