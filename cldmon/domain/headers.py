"""Times in HTTP headers: Date and Retry-After."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_LONGEST_SECONDS = 1e9


def parse_http_date(text: str) -> datetime | None:
    """Return the instant that an HTTP date names, or None; without a zone it is UTC."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def parse_retry_after(
    text: str | None, now: datetime, *, least: timedelta, most: timedelta
) -> timedelta | None:
    """Return how long a Retry-After header asks to wait, within bounds; None if it does not say.

    It holds seconds or an HTTP date.
    """
    asked = _asked((text or "").strip(), now)
    return None if asked is None else min(max(asked, least), most)


def _asked(text: str, now: datetime) -> timedelta | None:
    try:
        seconds = float(text)
    except ValueError:
        until = parse_http_date(text)
        return until - now if until else None
    if math.isnan(seconds):
        return None
    return timedelta(seconds=math.copysign(min(abs(seconds), _LONGEST_SECONDS), seconds))
