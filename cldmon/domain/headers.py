"""Times in HTTP headers: Date and Retry-After."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


def parse_http_date(text: str) -> datetime | None:
    """Return the instant of an HTTP date, or None; without a zone it is UTC."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def parse_retry_after(
    text: str | None, now: datetime, *, least: timedelta, most: timedelta
) -> timedelta | None:
    """Return how long a Retry-After header says to wait, within bounds; None if it is invalid.

    Its value is a number of seconds or an HTTP date.
    """
    text = (text or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        until = parse_http_date(text)
        return min(max(until - now, least), most) if until else None
    if math.isnan(seconds):
        return None
    return timedelta(seconds=min(max(seconds, least.total_seconds()), most.total_seconds()))
