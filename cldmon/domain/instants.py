"""UTC instants, in the formats of files, of the API and of people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

_EARLIEST = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
_LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
_HALF_MINUTE = timedelta(seconds=30)


@lru_cache(maxsize=1024)
def format_iso(instant: datetime) -> str:
    """Return a UTC instant as JavaScript writes it: milliseconds and a Z.

    Cached, since a state contains most instants twice: in the snapshot and in the account states.
    """
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def format_optional(instant: datetime | None) -> str | None:
    """Return an instant as `format_iso` does, or None for None."""
    return format_iso(instant) if instant else None


def round_to_minute(instant: datetime) -> datetime:
    """Return the nearest minute, for outputs that do not show seconds.

    The service's reset times jitter by a second around the minute: 23:59:59.940 is midnight.
    """
    latest = datetime.max.replace(tzinfo=UTC) - _HALF_MINUTE
    return (min(instant, latest) + _HALF_MINUTE).replace(second=0, microsecond=0)


def format_clock(instant: datetime, now: datetime, zone: tzinfo | None) -> str:
    """Return `17:09` for today, `Wed 17:09` for the next six days, and `3 Dec 17:09` otherwise.

    `zone` None is the system's.
    """
    local = round_to_minute(instant).astimezone(zone)
    days = (local.date() - now.astimezone(zone).date()).days
    if days == 0:
        return f"{local:%H:%M}"
    if 0 < days < 7:
        return f"{local:%a %H:%M}"
    return f"{local.day} {local:%b %H:%M}"


def format_day(instant: datetime, zone: tzinfo | None) -> str:
    """Return the day of an instant as `3 Dec` in `zone`; None is the system's."""
    local = round_to_minute(instant).astimezone(zone)
    return f"{local.day} {local:%b}"


def from_iso(text: object) -> datetime | None:
    """Return the UTC instant of an ISO 8601 text with a zone, or None.

    None also for the first and last day of Python's range, which not every zone can represent.
    """
    if not isinstance(text, str):
        return None
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo and _EARLIEST < instant < _LATEST else None
    except (ValueError, OverflowError):
        return None


def from_epoch(value: object) -> datetime | None:
    """Return the UTC instant of a number of seconds or milliseconds since the epoch, or None.

    Only from 2001 on, so that the two units can be told apart.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if 1e9 <= value < 1e11:
        return from_ms(int(value * 1000))
    return from_ms(int(value)) if 1e12 <= value < 1e14 else None


def to_ms(instant: datetime) -> int:
    """Return an instant as whole milliseconds since the epoch, as in the history."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """Return the UTC instant `ms` milliseconds after the epoch."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
