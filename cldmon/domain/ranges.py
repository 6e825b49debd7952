"""Spans of time as people write them: `5h`, `7d`, `2026-03-12`, `2026-03-12 09:30`."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from cldmon.domain.windows import FIVE_HOUR
from cldmon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

COMMON = ("1h", "5h", "1d", "7d", "30d")
"""The ranges that the API and the dashboard offer."""

_SPAN = re.compile(r"(\d{1,6})(m|h|d|w)", re.ASCII)
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}
_FAR = 9000
_DEFAULT = "5h"
_LONGEST = timedelta(days=36_525)
_SHORT = timedelta(hours=5)
"""Longer charts leave the session out: it changes too often to be readable."""


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, both ends included, in UTC."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since


def is_range(text: str) -> bool:
    """Return whether a text has the form of a range such as `7d`."""
    return _SPAN.fullmatch(text.strip().lower()) is not None


def parse_range(text: str) -> timedelta:
    """Return the length of a range such as `5h`, `90m`, `30d` or `2w`; raises UsageError."""
    match = _SPAN.fullmatch(text.strip().lower())
    length = timedelta(minutes=int(match[1]) * _MINUTES[match[2]]) if match else timedelta()
    if not timedelta() < length <= _LONGEST:
        raise UsageError(
            f"invalid range {text!r}; use {', '.join(COMMON)} or any number of m, h, d or w"
        )
    return length


def parse_option(option: str, text: str) -> timedelta:
    """Return the length that an option gives, as in `--wait 2h`; a UsageError names the option."""
    try:
        return parse_range(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from None


def parse_span(
    length: str | None, since: str | None, until: str | None, now: datetime, zone: tzinfo | None
) -> Span:
    """Return the span that the options describe: a length, both ends, or one end and a length.

    `now` is UTC; `zone` is the user's, None for the system's. Without `until` the span ends now;
    a day as `until` is included, and no span ends later than now. Raises UsageError.
    """
    if length and since and until:
        raise UsageError("give at most two of a range, --since and --until")
    last = min(now, _parse_instant(until, now, zone, end=True)) if until else None
    extent = parse_range(length or _DEFAULT)
    if since:
        first = _parse_instant(since, now, zone, end=False)
        last = last or (min(now, first + extent) if length else now)
    else:
        last = last or now
        first = last - extent
    if first >= last:
        raise UsageError("the range ends before it begins; check --since and --until")
    return Span(first, last)


def choose_default_windows(names: Iterable[str], length: timedelta) -> list[str]:
    """Return the windows that are shown by default.

    All of them for up to five hours; all except the session for longer spans.
    """
    return [name for name in names if length <= _SHORT or name != FIVE_HOUR]


def _parse_instant(text: str, now: datetime, zone: tzinfo | None, *, end: bool) -> datetime:
    ago = text.strip().lower().removesuffix(" ago")
    if _SPAN.fullmatch(ago):
        return now - parse_range(ago)
    try:
        instant = datetime.fromisoformat(text.strip())
        with suppress(ValueError):  # a day, not a time
            date.fromisoformat(text.strip())
            instant += timedelta(days=end)
        if instant.tzinfo is None and zone is not None:
            instant = instant.replace(tzinfo=zone)
        in_utc = instant.astimezone(UTC)
        if 1970 <= in_utc.year < _FAR:
            return in_utc
    except (ValueError, OverflowError):
        pass
    raise UsageError(
        f"invalid time {text!r}; use one such as 2026-03-12, 2026-03-12T09:30 or 2d ago"
    )
