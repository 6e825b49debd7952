"""Instants and spans as people read them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_HALF_MINUTE = timedelta(seconds=30)
"""Added before seconds are cut off: the service's resets jitter by a second around the minute."""
_MOMENT = timedelta(seconds=5)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def clock(instant: datetime, now: datetime, zone: tzinfo | None) -> str:
    """Return `17:09` for a time of today, `Wed 17:09` for the coming days, `3 Dec 17:09` else.

    In `zone`, None being the system's.
    """
    local = (instant + _HALF_MINUTE).astimezone(zone)
    days = (local.date() - now.astimezone(zone).date()).days
    if days == 0:
        return f"{local:%H:%M}"
    if 0 < days < 7:
        return f"{_DAYS[local.weekday()]} {local:%H:%M}"
    return f"{local.day} {local:%b %H:%M}"


def countdown(span: timedelta) -> str:
    """Return how long is left: `3d 9h`, `2h 14m`, `14m`, `<1m`."""
    span += _HALF_MINUTE
    if span < _MINUTE:
        return "<1m"
    if span < _DAY:
        return _two(span // _HOUR, "h", span % _HOUR // _MINUTE, "m")
    return _two(span // _DAY, "d", span % _DAY // _HOUR, "h")


def _two(more: int, large: str, less: int, small: str) -> str:
    return " ".join([f"{more}{large}"] * bool(more) + [f"{less}{small}"] * bool(less))


def length(span: timedelta) -> str:
    """Return how long something took or is old: `20 s`, `42 min`, `3 h`, `2 d`."""
    span = abs(span)
    for unit, name, most in ((timedelta(seconds=1), "s", _MINUTE), (_MINUTE, "min", 2 * _HOUR)):
        if span < most:
            return f"{span // unit} {name}"
    return f"{span // _HOUR} h" if span < 2 * _DAY else f"{span // _DAY} d"


def read_ago(age: timedelta) -> str:
    """Return when something was read: `20 s ago`, or that its time lies ahead of the clock."""
    if abs(age) < _MOMENT:
        return "just now"
    return f"{length(age)} ago" if age > -_MINUTE else f"{length(age)} in the future"
