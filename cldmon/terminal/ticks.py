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
    first, last = from_ms(since_ms).astimezone(zone), from_ms(until_ms).astimezone(zone)
    found = []
    for local, label in _step_times(first.date(), last.date(), least):
        instant = (local.replace(tzinfo=zone) if zone else local.astimezone()).astimezone(UTC)
        is_skipped = instant.astimezone(zone).replace(tzinfo=None) != local
        if not is_skipped and since_ms <= to_ms(instant) <= until_ms:
            found.append((to_ms(instant), label))
    return found


def _step_times(first: date, last: date, least: timedelta) -> Iterator[tuple[datetime, str]]:
    """Yield clock times that lie `least` or more apart, and their labels."""
    dates = [first + number * _DAY for number in range((last - first).days + 1)]
    if step := next((n * _MINUTE for n in _MINUTES if n * _MINUTE >= least), None):
        for date in dates:
            yield datetime.combine(date, time()), _format_day(date)
            for part in range(1, _DAY // step):
                local = datetime.combine(date, time()) + part * step
                yield local, f"{local:%H:%M}"
    elif days := next((n for n in _DAYS if n * _DAY >= least), None):
        # Weeks begin on Monday; other steps are counted from a fixed day, to stay where they are.
        for date in dates:
            if (date.toordinal() - 1) % days == 0:
                yield datetime.combine(date, time()), _format_day(date)
    else:
        years = 12 * (least // (12 * _MONTH) + 1)
        months = next((n for n in _MONTHS if n * _MONTH >= least), years)
        for date in dates:
            if date.day == 1 and (date.year * 12 + date.month - 1) % months == 0:
                label = f"{date:%b %Y}" if months < 12 else f"{date:%Y}"
                yield datetime.combine(date, time()), label


def _format_day(date: date) -> str:
    return f"{date.day} {date:%b}"
