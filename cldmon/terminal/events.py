"""What happened, and where readings are missing, as a table for people and as JSON and CSV."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from cldmon.domain.events import Event, EventKind
from cldmon.domain.instants import format_clock, format_iso, format_optional, from_ms
from cldmon.domain.series import Gap
from cldmon.domain.windows import short_title
from cldmon.store.history import format_event_line
from cldmon.terminal.csv import format_csv_rows
from cldmon.terminal.style import align_columns
from cldmon.terminal.times import format_timestamps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime, tzinfo

    from cldmon.terminal.style import Terminal

    Entry: TypeAlias = Event | Gap

GAP = "gap"
HEADER = ("time", "event", "label", "window", "utilization", "resetsAt", "until")
_LONGEST_LABEL = 16
_LONGEST_TITLE = 10
"""Columns for a label and for a window's name, so that 32 of 80 are left for what happened."""


def merge_entries(events: Iterable[Event], gaps: Iterable[Gap]) -> list[Entry]:
    """Return events and gaps in one list, oldest first."""
    return sorted([*events, *gaps], key=_get_time)


def format_table(entries: Sequence[Entry], terminal: Terminal, zone: tzinfo | None) -> str:
    """Return a row for each entry. Times are in `zone`; None is the system's."""
    times = format_timestamps(map(_get_time, entries), zone)
    rows = [("Time", "Account", "Window", "What")]
    for time, entry in zip(times, entries, strict=True):
        if isinstance(entry, Gap):
            label, window = entry.label or "(all)", ""
            what = "no more readings"
            if entry.until_ms:
                at = format_clock(from_ms(entry.until_ms), _get_time(entry), zone)
                what = f"no readings until {at}"
        else:
            label, window = entry.label, short_title(entry.window) if entry.window else ""
            what = _describe(entry, zone)
        label = terminal.fit(label, _LONGEST_LABEL)
        window = terminal.fit(window, _LONGEST_TITLE)
        rows.append((time, label, window, what))
    return "\n".join(align_columns(rows))


def format_csv_lines(entries: Iterable[Entry], terminal: Terminal) -> Iterator[str]:
    """Return a header and a row for each entry, without newlines; instants are ISO 8601 in UTC."""
    rows = (_build_cells(entry, terminal) for entry in entries)
    return format_csv_rows(chain([HEADER], ([row.get(name) for name in HEADER] for row in rows)))


def _build_cells(entry: Entry, terminal: Terminal) -> dict[str, str | int | None]:
    cells = {"time": format_iso(_get_time(entry)), "label": terminal.clean(entry.label or "")}
    if isinstance(entry, Gap):
        until = format_iso(from_ms(entry.until_ms)) if entry.until_ms else None
        return {**cells, "event": GAP, "until": until}
    return {
        **cells,
        "event": entry.kind.value,
        "window": terminal.clean(entry.window or ""),
        "utilization": entry.utilization,
        "resetsAt": format_optional(entry.resets_at),
    }


def format_json_lines(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield each entry as a line of JSON: an event as in the events files, a gap alike."""
    for entry in entries:
        if isinstance(entry, Gap):
            unknown = dict.fromkeys(("window", "utilization", "resetsAt"))
            body = {"timestamp": entry.since_ms, "event": GAP, "label": entry.label, **unknown}
            body["until"] = entry.until_ms
            yield json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        else:
            yield format_event_line(entry, entry.at).encode() + b"\n"


def _get_time(entry: Entry) -> datetime:
    return from_ms(entry.since_ms) if isinstance(entry, Gap) else entry.at


def _describe(event: Event, zone: tzinfo | None) -> str:
    percent = "" if event.utilization is None else f" {event.utilization}%"
    until = format_clock(event.resets_at, event.at, zone) if event.resets_at else ""
    resets = f", resets {until}" if until else ""
    match event.kind:
        case EventKind.LIMIT_HIT:
            return f"limit hit{resets}"
        case EventKind.USAGE_RESET:
            return f"reset{' to' + percent if event.utilization else ''}{resets}"
        case EventKind.THRESHOLD:
            return f"reached{percent}{resets}"
        case EventKind.RUN_OUT:
            return f"will run out early{', at' + percent if percent else ''}{resets}"
        case EventKind.LIMIT_CHANGED:
            return f"limit changed{', then at' + percent if percent else ''}{resets}"
        case EventKind.KEY_EXPIRING:
            return "session key expires soon"
        case EventKind.ACCOUNT_FAILED:
            return "can't be read"
        case EventKind.ACCOUNT_RECOVERED:
            return "can be read again"
        case EventKind.SAVED_RESET_ENDING:
            return f"saved reset ends{' ' + until if until else ' soon'}"
        case EventKind.TEST | EventKind.DIGEST:
            return event.kind.value
