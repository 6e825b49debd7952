"""When a window will be full at the present rate, or where it will end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from cldmon.domain.model import FULL, from_ms, to_displayed_percent, to_ms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cldmon.domain.model import Window

    Reading: TypeAlias = tuple[int, int]
    """When (ms since the epoch), and the utilization in percent as displayed."""

MIN_READINGS = 3
MIN_ELAPSED = 0.05
"""Before this part of a window has passed, there is no rate to speak of."""
_RECENT = 1 / 7
"""The part of a window that counts as recent: a day of a week, 43 minutes of a session."""
_ROUNDING = 1
"""A fall by so much, in percent, is the rounding's; a larger one raised the limit."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where a window is heading: full at `full_at` (UTC), or else at `ends_at_percent` at reset.

    `ends_at_percent` is 0 to 100, and 100 just where `full_at` is given.
    """

    full_at: datetime | None
    ends_at_percent: int


def compute_forecast(
    readings: Sequence[Reading], window: Window, duration: timedelta, now: datetime
) -> Forecast | None:
    """Return where a window is heading at the present rate, or None where that is not known.

    `readings` are the window's, oldest first; those from before it began (`resets_at` less
    `duration`), or from before a fall within it (the limit was raised), are left out. `window`
    is its newest reading, and `now` a UTC instant.

    The present rate is the mean of two: of the rise since the first of those readings, and of
    the rise over the recent seventh of the window, both per time up to the last reading. A week
    is thus seen by its last whole day, nights and work in it; one burst, or one pause, moves the
    rate by half of what it would alone; and the rounding of two readings half a day or half an
    hour apart hardly shows. The rate is never negative.

    None with fewer than three readings, before 5 % of the window has passed, where the window is
    full, does not run, or is due for its reset, and where the rate would have filled it by now.

    Source: contract, "One pass".
    """
    if window.resets_at is None or window.resets_at <= now or window.utilization >= FULL:
        return None
    began = window.resets_at - duration
    series = _series(readings, window, to_ms(began), to_ms(now))
    if len(series) < MIN_READINGS or now - began < MIN_ELAPSED * duration:
        return None
    rate = _rate(series, duration / timedelta(milliseconds=1))
    return _projected(series[-1][0], window.utilization, rate, now, window.resets_at)


def _series(
    readings: Sequence[Reading], window: Window, began_ms: int, now_ms: int
) -> list[Reading]:
    """Return the readings since the window began or last fell."""
    series = [reading for reading in readings if began_ms <= reading[0] <= now_ms]
    percents = [percent for _, percent in series] + [window.utilization]
    falls = [n for n, (a, b) in enumerate(pairwise(percents), 1) if a - b > _ROUNDING]
    return series[falls[-1] :] if falls else series


def _rate(series: Sequence[Reading], duration_ms: float) -> float:
    """Return the present rate in percent per ms."""
    last_ms = series[-1][0]
    recent = [n for n, (ms, _) in enumerate(series) if ms <= last_ms - _RECENT * duration_ms]
    starts = (series[0], series[recent[-1]] if recent else series[0])
    return sum(_slope(start, series[-1]) for start in starts) / len(starts)


def _slope(start: Reading, end: Reading) -> float:
    elapsed = end[0] - start[0]
    return max(0, end[1] - start[1]) / elapsed if elapsed else 0.0


def _projected(
    read_ms: int, percent: int, rate: float, now: datetime, resets_at: datetime
) -> Forecast | None:
    end = percent + rate * (to_ms(resets_at) - read_ms)
    if end < FULL:
        return Forecast(None, min(FULL - 1, to_displayed_percent(end)))
    full_at = min(resets_at, from_ms(read_ms) + timedelta(milliseconds=(FULL - percent) / rate))
    return Forecast(full_at, FULL) if full_at > now else None
