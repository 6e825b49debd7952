"""The history of a server: `GET /api/history` as day files, and `GET /api/events`."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.domain.instants import from_ms, to_ms
from cldmon.errors import StoreError
from cldmon.remote.client import HISTORY_SECONDS, MAX_HISTORY_BYTES, NOT_OURS
from cldmon.store.events import parse_event
from cldmon.store.history import PREFIX, get_day_path
from cldmon.store.lines import parse_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from cldmon.domain.events import Event
    from cldmon.domain.ranges import Span
    from cldmon.remote.client import Client

_HOUR = timedelta(hours=1)
_CLOCKS = 2
"""Hours more than needed: the server's clock may be ahead, and the hour that has begun counts."""
_MAX_HOURS = 36_525 * 24


@contextmanager
def mirror_history(client: Client, span: Span, now: datetime) -> Iterator[Path]:
    """Yield a folder with the server's day files of a span; it is removed at the end.

    Raises ServerError, or StoreError if there is no room for it.
    """
    path = f"api/history?range={_format_range(span, now)}"
    array = client.get(path, HISTORY_SECONDS, MAX_HISTORY_BYTES)
    try:
        days = _split_by_day(array, to_ms(span.since), to_ms(span.until))
    except ValueError:
        raise client.refusal(NOT_OURS) from None
    try:
        temporary = TemporaryDirectory(prefix="cldmon-", ignore_cleanup_errors=True)
    except OSError as error:
        raise StoreError(f"no temporary folder: {error.strerror}; set TMPDIR") from error
    with temporary as name:
        folder = Path(name)
        for day, lines in days.items():
            files.replace(get_day_path(folder, day), b"".join(lines), durable=False)
        yield folder


def read_events(client: Client, span: Span, now: datetime) -> list[Event]:
    """Return the server's events of a span, oldest first; raises ServerError."""
    body = client.get_json(f"api/events?range={_format_range(span, now)}")
    try:
        events = [parse_event(entry) for entry in body]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise client.refusal(NOT_OURS) from None
    return [event for event in events if span.since <= event.at <= span.until]


def _format_range(span: Span, now: datetime) -> str:
    """Return a range that ends now, in whole hours, and begins before the span."""
    return f"{min((now - span.since) // _HOUR + _CLOCKS, _MAX_HOURS)}h"


def _split_by_day(array: bytes, since_ms: int, until_ms: int) -> dict[date, list[bytes]]:
    """Return the lines of a JSON array that are within a span, by UTC day.

    They are not parsed: the reader checks every line, as it does for any file. Raises ValueError
    for anything but such an array.
    """
    if array == b"[]":
        return {}
    if not (array.startswith(b"[" + PREFIX) and array.endswith(b"]")):
        raise ValueError("not an array of passes")
    days: defaultdict[date, list[bytes]] = defaultdict(list)
    # This is never part of a string: there, its quotes would be escaped.
    for entry in array[1 + len(PREFIX) : -1].split(b"," + PREFIX):
        line = PREFIX + entry + b"\n"
        stamp = parse_stamp(line)
        if since_ms <= stamp <= until_ms:
            days[from_ms(stamp).date()].append(line)
    return days
