"""Instants and durations for people."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from cldmon.domain.instants import format_clock, round_to_minute

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, tzinfo

    from cldmon.domain.model import Failure
    from cldmon.domain.ranges import Span

_MINUTE = timedelta(minutes=1)
_HALF_MINUTE = timedelta(seconds=30)
_MOMENT = timedelta(seconds=5)


def format_failure(failure: Failure, now: datetime, zone: tzinfo | None) -> str:
    """Return why an account could not be read, and when cldmon tries again."""
    if failure.retry_at is None or failure.retry_at <= now:
        return failure.message
    return f"{failure.message} (until {format_clock(failure.retry_at, now, zone)})"


def format_timestamps(instants: Iterable[datetime], zone: tzinfo | None) -> list[str]:
    """Return instants as `2026-11-22 17:09` in `zone`; None is the system's.

    If one of these local times occurs twice (when clocks are put back), all have their offset:
    `2026-10-25 02:30+01:00`.
    """
    shown = [round_to_minute(instant).astimezone(zone) for instant in instants]
    texts = [local.isoformat(" ", "minutes") for local in shown]
    for local in shown:
        first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if first.astimezone(UTC) != second.astimezone(UTC):
            return texts
    return [text[: len("2026-11-22 17:09")] for text in texts]


def format_span(span: Span, zone: tzinfo | None) -> str:
    """Return `from 2026-11-22 12:00 to 2026-11-22 17:00` in `zone`; None is the system's."""
    since, until = format_timestamps((span.since, span.until), zone)
    return f"from {since} to {until}"


def format_countdown(span: timedelta) -> str:
    """Return the time left: `3d 9h`, `2h 14m`, `14m`, `<1m`."""
    minutes = (span + _HALF_MINUTE) // _MINUTE
    if minutes < 1:
        return "<1m"
    days, hours = divmod(minutes // 60, 24)
    parts = ((days, "d"), (hours, "h")) if days else ((hours, "h"), (minutes % 60, "m"))
    return " ".join(f"{number}{unit}" for number, unit in parts if number)


def format_duration(span: timedelta) -> str:
    """Return a duration or an age: `20 s`, `42 min`, `3 h`, `2 d`."""
    span = abs(span)
    if span < _MINUTE:
        return f"{span // timedelta(seconds=1)} s"
    minutes = (span + _HALF_MINUTE) // _MINUTE
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"


def format_age(age: timedelta) -> str:
    """Return when something was read: `20 s ago`, or that it is in the future."""
    if abs(age) < _MOMENT:
        return "just now"
    return f"{format_duration(age)} {'ago' if age > -_MINUTE else 'in the future'}"
