"""The labels of a time axis: at round local times, even when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from cldmon.domain.instants import from_ms, to_ms

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
    """Return up to `most` instants (ms) in a span, each with its label in `zone`.

    None is the system's zone. Ticks in an hour that the clock skips are left out; in an hour that
    occurs twice, each is labelled once.
    """
    least = timedelta(milliseconds=until_ms - since_ms) / max(1, most)
    first, last = from_ms(since_ms).astimezone(zone), from_ms(until_ms).astimezone(zone)
    found = []
    for local, label in _iter_steps(first.date(), last.date(), least):
        instant = (local.replace(tzinfo=zone) if zone else local.astimezone()).astimezone(UTC)
        is_skipped = instant.astimezone(zone).replace(tzinfo=None) != local
        if not is_skipped and since_ms <= to_ms(instant) <= until_ms:
            found.append((to_ms(instant), label))
    return found


def _iter_steps(first: date, last: date, least: timedelta) -> Iterator[tuple[datetime, str]]:
    """Yield clock times at least `least` apart, with their labels."""
    dates = [first + number * _DAY for number in range((last - first).days + 1)]
    if step := next((n * _MINUTE for n in _MINUTES if n * _MINUTE >= least), None):
        for day in dates:
            yield datetime.combine(day, time()), _format_day(day)
            for part in range(1, _DAY // step):
                local = datetime.combine(day, time()) + part * step
                yield local, f"{local:%H:%M}"
    elif days := next((n for n in _DAYS if n * _DAY >= least), None):
        # Weeks begin on Monday; other steps are counted from a fixed day, so ticks don't move.
        for day in dates:
            if (day.toordinal() - 1) % days == 0:
                yield datetime.combine(day, time()), _format_day(day)
    else:
        years = 12 * (least // (12 * _MONTH) + 1)
        months = next((n for n in _MONTHS if n * _MONTH >= least), years)
        for day in dates:
            if day.day == 1 and (day.year * 12 + day.month - 1) % months == 0:
                label = f"{day:%b %Y}" if months < 12 else f"{day:%Y}"
                yield datetime.combine(day, time()), label


def _format_day(day: date) -> str:
    return f"{day.day} {day:%b}"
