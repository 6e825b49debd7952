"""Where a time axis is labelled: at even times of the reader's clock, whatever that clock does."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from cldmon.domain.model import from_ms, to_ms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, tzinfo

_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 3, 6, 12)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_MONTH = timedelta(days=30)


def find_ticks(
    since_ms: int, until_ms: int, most: int, zone: tzinfo | None
) -> list[tuple[int, str]]:
    """Return at most so many instants (ms) in a span, each with its label in `zone`.

    None is the system's zone. A step of the clock that falls into an hour which is skipped is
    left out; in an hour that comes twice each is labelled once.
    """
    least = timedelta(milliseconds=until_ms - since_ms) / max(1, most)
    first, last = from_ms(since_ms), from_ms(until_ms)
    found = (
        (to_ms(instant), label)
        for local, label in _step_times(first.astimezone(zone), last.astimezone(zone), least)
        if (instant := _to_instant(local, zone)) is not None
    )
    return [(ms, label) for ms, label in found if since_ms <= ms <= until_ms]


def _step_times(
    first: datetime, last: datetime, least: timedelta
) -> Iterator[tuple[datetime, str]]:
    """Yield clock times that lie `least` or more apart, and their labels."""
    days = (last.date() - first.date()).days + 1
    for minutes in _MINUTES:
        if minutes * _MINUTE >= least:
            return _step_minutes(first.date(), days, minutes * _MINUTE)
    for step in _DAYS:
        if step * _DAY >= least:
            return _step_days(first.date(), days, step)
    months = next((n for n in _MONTHS if n * _MONTH >= least), 12 * (least // (12 * _MONTH) + 1))
    return _step_months(first.date(), last.date(), months)


def _step_minutes(first: date, days: int, step: timedelta) -> Iterator[tuple[datetime, str]]:
    for number in range(days):
        midnight = datetime.combine(first + number * _DAY, time())
        for part in range(_DAY // step):
            local = midnight + part * step
            yield local, f"{local:%H:%M}" if part else _format_day(local)


def _step_days(first: date, days: int, step: int) -> Iterator[tuple[datetime, str]]:
    # Weeks begin on Monday; other steps are counted from a fixed day, to stay where they are.
    offset = (first.toordinal() - 1) % step
    for number in range(-offset, days, step):
        local = datetime.combine(first + number * _DAY, time())
        yield local, _format_day(local)


def _step_months(first: date, last: date, step: int) -> Iterator[tuple[datetime, str]]:
    month = (first.year * 12 + first.month - 1) // step * step
    while month <= last.year * 12 + last.month - 1:
        local = datetime(month // 12, month % 12 + 1, 1)  # noqa: DTZ001 - the zone is put to it
        yield local, f"{local:%b %Y}" if step < 12 else f"{local:%Y}"
        month += step


def _format_day(local: datetime) -> str:
    return f"{local.day} {local:%b}"


def _to_instant(local: datetime, zone: tzinfo | None) -> datetime | None:
    """Return the instant of a clock time, or None where the clock skips it."""
    aware = local.replace(tzinfo=zone) if zone else local.astimezone()
    instant = aware.astimezone(UTC)
    shown = instant.astimezone(zone).replace(tzinfo=None)
    return instant if shown == local else None
