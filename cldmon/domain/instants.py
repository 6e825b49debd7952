"""UTC instants as files and answers write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def iso(instant: datetime) -> str:
    """Return a UTC instant as JavaScript writes it: milliseconds and a Z."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(instant: datetime | None) -> str | None:
    """Return an instant as `iso` does, and None for none."""
    return iso(instant) if instant else None


def from_iso(text: object) -> datetime | None:
    """Return the UTC instant that an ISO 8601 text with a zone names, or None."""
    if not isinstance(text, str):
        return None
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def to_ms(instant: datetime) -> int:
    """Return an instant as whole milliseconds since the epoch, the history's unit."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """Return the UTC instant that lies `ms` milliseconds after the epoch."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
