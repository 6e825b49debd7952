"""Formats what happens in the demo as lines of text. Pure."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from cldmon.domain.events import EventKind
from cldmon.domain.freshness import CRITICAL
from cldmon.domain.instants import round_to_minute
from cldmon.domain.model import FIVE_HOUR, FULL, SEVEN_DAY, short_title
from cldmon.terminal.style import BOLD, RED, YELLOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from cldmon.demo.runner import PassRecord
    from cldmon.demo.slack import SentMessage
    from cldmon.domain.model import Account
    from cldmon.terminal.style import Terminal

    NameOf = Callable[[str | None], str]
    """Takes a Slack id and returns the person's name."""

_CELL = 6
_WIDEST = 100
_INDENT = " " * 7
_EVENTS = {EventKind.LIMIT_HIT: "limit hit", EventKind.USAGE_RESET: "reset"}


def format_heading(labels: Iterable[str], terminal: Terminal) -> str:
    """Return the line above the passes."""
    cells = "".join(f"{label:>{_CELL}}" for label in labels)
    return terminal.paint(f"{'Time':5}{cells}  What is new", BOLD)


def format_pass(
    record: PassRecord, before: PassRecord | None, name_of: NameOf, terminal: Terminal
) -> str:
    """Return one pass as a line: the time, each account's session or week, and what is new."""
    cells = [_cell(account, terminal) for account in record.outcome.snapshot.accounts]
    news = "; ".join(_news(record, before, name_of))
    return f"{_clock(record.at):5}{''.join(cells)}  {news}".rstrip()


def format_message(sent: SentMessage, name_of: NameOf, terminal: Terminal) -> str:
    """Return a Slack message: when, to whom, and below it its text."""
    head = f"{_clock(sent.at)}  to {name_of(sent.user)} ({sent.user or sent.channel})"
    width = min(terminal.columns, _WIDEST)
    body = textwrap.fill(sent.text, width, initial_indent=_INDENT, subsequent_indent=_INDENT)
    return "\n".join(map(terminal.clean, (head, *body.splitlines())))


def _clock(at: datetime) -> str:
    return f"{round_to_minute(at).astimezone():%H:%M}"


def _cell(account: Account, terminal: Terminal) -> str:
    if account.failure:
        return terminal.paint(f"{'error':>{_CELL}}", RED)
    windows = account.reading.windows if account.reading else {}
    window = windows.get(FIVE_HOUR) or windows.get(SEVEN_DAY)
    if window is None:
        return f"{terminal.missing:>{_CELL}}"
    text = f"{window.utilization:>{_CELL - 1}}%"
    if window.utilization < CRITICAL:
        return terminal.paint(text)
    return terminal.paint(text, RED if window.utilization >= FULL else YELLOW)


def _news(record: PassRecord, before: PassRecord | None, name_of: NameOf) -> Iterator[str]:
    if before is None:
        yield "first reading: no alerts"
    for account in record.outcome.snapshot.accounts:
        if events := list(_events(account.label, record, before)):
            yield f"{account.label}: {', '.join(events)}"
    if record.sent:
        yield f"notified {' and '.join(name_of(sent.user).split()[0] for sent in record.sent)}"


def _events(label: str, record: PassRecord, before: PassRecord | None) -> Iterator[str]:
    earlier, now = _trouble(label, before), _trouble(label, record)
    if now != earlier:
        yield now or "answers again"
    for pool in sorted(_used_up(label, record) - _used_up(label, before)):
        yield f"{pool} used up, no alert"
    for event in record.outcome.events:
        if event.label == label:
            is_session = event.window is None or event.window == FIVE_HOUR
            window = "" if is_session else f" ({short_title(event.window or FIVE_HOUR)})"
            yield _EVENTS[event.kind] + window


def _trouble(label: str, record: PassRecord | None) -> str | None:
    """Return in short why an account could not be read, None where it could."""
    failed = record.outcome.failed if record else []
    kinds = (a.failure.kind.replace("_", " ") for a in failed if a.label == label and a.failure)
    return next(kinds, None)


def _used_up(label: str, record: PassRecord | None) -> set[str]:
    """Return the titles of an account's credit pools of which nothing is left."""
    accounts = record.outcome.snapshot.accounts if record else ()
    readings = (account.reading for account in accounts if account.label == label)
    pools = (pool for reading in readings if reading for pool in reading.pools)
    return {pool.title for pool in pools if pool.utilization == FULL}
