"""Instants and spans as people read them."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from cldmon.domain.instants import nearest_minute

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, tzinfo

    from cldmon.domain.model import Failure

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_HALF_MINUTE = timedelta(seconds=30)
_MOMENT = timedelta(seconds=5)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def format_clock(instant: datetime, now: datetime, zone: tzinfo | None) -> str:
    """Return `17:09` for a time of today, `Wed 17:09` for the coming days, `3 Dec 17:09` else.

    In `zone`, None being the system's.
    """
    local = nearest_minute(instant).astimezone(zone)
    days = (local.date() - now.astimezone(zone).date()).days
    if days == 0:
        return f"{local:%H:%M}"
    if 0 < days < 7:
        return f"{_DAYS[local.weekday()]} {local:%H:%M}"
    return f"{local.day} {local:%b %H:%M}"


def format_failure(failure: Failure, now: datetime, zone: tzinfo | None) -> str:
    """Return why an account could not be read, and until when it is left alone."""
    if failure.retry_at is None or failure.retry_at <= now:
        return failure.message
    return f"{failure.message} (until {format_clock(failure.retry_at, now, zone)})"


def format_timestamps(instants: Iterable[datetime], zone: tzinfo | None) -> list[str]:
    """Return instants as `2026-11-22 17:09`, in `zone`, None being the system's.

    Where the clock shows the time of one of them twice, when it is put back, all have their offset:
    `2026-10-25 02:30+01:00`.
    """
    shown = [nearest_minute(instant).astimezone(zone) for instant in instants]
    texts = [local.isoformat(" ", "minutes") for local in shown]
    for local in shown:
        first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if first.astimezone(UTC) != second.astimezone(UTC):
            return texts
    return [text[: len("2026-11-22 17:09")] for text in texts]


def format_day(instant: datetime, zone: tzinfo | None) -> str:
    """Return the day of an instant, `3 Dec`, in `zone`, None being the system's."""
    local = nearest_minute(instant).astimezone(zone)
    return f"{local.day} {local:%b}"


def format_countdown(span: timedelta) -> str:
    """Return how long is left: `3d 9h`, `2h 14m`, `14m`, `<1m`."""
    span += _HALF_MINUTE
    if span < _MINUTE:
        return "<1m"
    if span < _DAY:
        return _join_units(span // _HOUR, "h", span % _HOUR // _MINUTE, "m")
    return _join_units(span // _DAY, "d", span % _DAY // _HOUR, "h")


def _join_units(more: int, large: str, less: int, small: str) -> str:
    return " ".join([f"{more}{large}"] * bool(more) + [f"{less}{small}"] * bool(less))


def format_duration(span: timedelta) -> str:
    """Return how long something took or is old: `20 s`, `42 min`, `3 h`, `2 d`."""
    span = abs(span)
    if span >= _MINUTE:
        span += _HALF_MINUTE
    for unit, name, most in ((timedelta(seconds=1), "s", _MINUTE), (_MINUTE, "min", 2 * _HOUR)):
        if span < most:
            return f"{span // unit} {name}"
    return f"{span // _HOUR} h" if span < 2 * _DAY else f"{span // _DAY} d"


def format_age(age: timedelta) -> str:
    """Return when something was read: `20 s ago`, or that its time lies ahead of the clock."""
    if abs(age) < _MOMENT:
        return "just now"
    return (
        f"{format_duration(age)} ago" if age > -_MINUTE else f"{format_duration(age)} in the future"
    )
