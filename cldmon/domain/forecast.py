"""When a window will be full at the current rate, or how full it will be at its reset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from cldmon.domain.instants import from_ms, to_ms
from cldmon.domain.percent import to_displayed_percent
from cldmon.domain.windows import FULL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cldmon.domain.model import Percent, Window

    Reading: TypeAlias = tuple[int, int]
    """When (ms since the epoch), and the utilization in percent as displayed."""

MIN_READINGS = 3
MIN_ELAPSED = 0.05
"""Before this part of a window has passed, there is no meaningful rate."""
_RECENT = 1 / 7
"""The part of a window that counts as recent: a day of a week, 43 minutes of a session."""
_ROUNDING = 1
"""A fall by this much, in percent, is due to rounding; at a larger one the limit was raised."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where a window is heading: full at `full_at` (UTC), or else at `ends_at_percent` at reset.

    `ends_at_percent` is 100 only if `full_at` is given.
    """

    full_at: datetime | None
    ends_at_percent: Percent


def compute_forecast(
    readings: Sequence[Reading], window: Window, duration: timedelta, now: datetime
) -> Forecast | None:
    """Return where a window is heading at the current rate, or None if that is unknown.

    `readings` are the window's, oldest first; those from before it began (`resets_at` minus
    `duration`), or from before a fall within it (the limit was raised), are left out. `window`
    is its newest reading, and `now` a UTC instant.

    The current rate is the mean of two: the rise since the first of those readings, and the rise
    over the last seventh of the window, each divided by the time up to the last reading. So a
    week is judged by its last whole day, with its nights and working hours; a single burst or
    pause has only half its effect; and the rounding of two readings half a day or half an hour
    apart hardly matters. The rate is never negative.

    None with fewer than three readings, before 5 % of the window has passed, if the window is
    full, not running or due for its reset, and if it would already be full at that rate.

    Source: contract, "One pass".
    """
    if window.resets_at is None or window.resets_at <= now or window.utilization >= FULL:
        return None
    began, percent = window.resets_at - duration, window.utilization
    series = [reading for reading in readings if to_ms(began) <= reading[0] <= to_ms(now)]
    percents = [percent for _, percent in series] + [percent]
    falls = [n for n, (a, b) in enumerate(pairwise(percents), 1) if a - b > _ROUNDING]
    series = series[falls[-1] :] if falls else series
    if len(series) < MIN_READINGS or now - began < MIN_ELAPSED * duration:
        return None
    read_ms, rate = series[-1][0], _compute_rate(series, duration)
    end = percent + rate * (to_ms(window.resets_at) - read_ms)
    if end < FULL:
        return Forecast(None, min(FULL - 1, to_displayed_percent(end)))
    full_at = from_ms(read_ms) + timedelta(milliseconds=(FULL - percent) / rate)
    return Forecast(min(full_at, window.resets_at), FULL) if full_at > now else None


def _compute_rate(series: Sequence[Reading], duration: timedelta) -> float:
    """Return the current rate in percent per ms."""
    last_ms, last_percent = series[-1]
    recent_ms = last_ms - _RECENT * (duration / timedelta(milliseconds=1))
    recent = [reading for reading in series if reading[0] <= recent_ms]
    slopes = [
        max(0, last_percent - percent) / (last_ms - ms) if ms < last_ms else 0.0
        for ms, percent in (series[0], recent[-1] if recent else series[0])
    ]
    return sum(slopes) / len(slopes)
