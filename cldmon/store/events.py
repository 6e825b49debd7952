"""Reading the events files: what happened in a span of time, oldest first.

Days without an events file are older than these files, or nothing happened on them, or the file was
deleted: for these, hits and falls from 100 are found in the history.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.domain.events import OCCURRENCES, Event, EventKind
from cldmon.domain.instants import from_ms, to_ms
from cldmon.domain.json_types import check_int, check_percent, check_text, optional, parse_instant
from cldmon.domain.series import find_limit_changes
from cldmon.store.days import DAY_MS, join_lines, join_selected, read_unindexed
from cldmon.store.history import format_event_line, list_day_files
from cldmon.store.lines import decode_objects
from cldmon.store.reader import iter_series

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

NAME = "events"

_NOT_OURS = (ValueError, KeyError, TypeError, AttributeError, OverflowError)


def read_events(
    data_dir: Path, since_ms: int, until_ms: int, labels: Collection[str] = ()
) -> Iterator[Event]:
    """Yield the events of a time span, both ends included, oldest first.

    `labels` are the accounts; none means all.
    """
    for chunk in read_event_lines(data_dir, since_ms, until_ms, labels):
        for line in chunk.splitlines():
            event = parse_event(json.loads(line))
            if not labels or event.label in labels:
                yield event


def read_event_lines(
    data_dir: Path, since_ms: int, until_ms: int, labels: Collection[str] = ()
) -> Iterator[bytes]:
    """Yield the lines of those events in chunks of whole lines, as the writer writes them.

    The history is searched only for the accounts in `labels`, or for all if there are none. Raises
    StoreError if a file exists but can't be read.
    """
    with files.wrap_os_errors("list", data_dir):
        if not data_dir.is_dir():
            return
    first, last = (from_ms(max(0, ms)).date() for ms in (since_ms, until_ms))
    start_ms = since_ms
    for day in sorted({day for day, _ in list_day_files(data_dir, first, last, NAME)}):
        day_ms = to_ms(datetime.combine(day, time(), UTC))
        next_ms = day_ms + DAY_MS
        yield from _find_in_history(data_dir, start_ms, day_ms - 1, labels)
        lines = read_unindexed(data_dir, day, NAME, _parse_lines)
        span = max(since_ms, day_ms), min(until_ms, next_ms - 1), 1
        yield from join_selected(lines, span)
        start_ms = next_ms
    yield from _find_in_history(data_dir, start_ms, until_ms, labels)


def find_first_day(data_dir: Path, name: str = NAME) -> datetime | None:
    """Return when the day of the oldest such file begins, or None if there is none."""
    if not data_dir.is_dir():
        return None
    day = min((day for day, _ in list_day_files(data_dir, name=name)), default=None)
    return datetime.combine(day, time(), UTC) if day else None


def parse_event(body: Any) -> Event:
    """Return the event of a line.

    Raises one of several errors for anything that the writer does not write.
    """
    if body["event"] not in OCCURRENCES:
        raise ValueError("not an event")
    return Event(
        EventKind(body["event"]),
        check_text(body["label"]),
        optional(check_text, body.get("window")),
        from_ms(check_int(body["timestamp"])),
        optional(parse_instant, body.get("resetsAt")),
        optional(check_percent, body.get("utilization")),
    )


def _parse_lines(line: bytes) -> Iterator[bytes]:
    for body in decode_objects(line):
        with suppress(*_NOT_OURS):
            yield _format(parse_event(body))


def _find_in_history(
    data_dir: Path, since_ms: int, until_ms: int, labels: Collection[str]
) -> Iterator[bytes]:
    """Yield the lines of hits and falls from 100 between two readings.

    The earlier of the two may be up to a day older than the span.
    """
    if since_ms > until_ms:
        return
    found = find_limit_changes(iter_series(data_dir, since_ms - DAY_MS, until_ms, labels=labels))
    yield from join_lines(_format(event) for event in found if to_ms(event.at) >= since_ms)


def _format(event: Event) -> bytes:
    return format_event_line(event, event.at).encode()
