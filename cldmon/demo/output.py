"""Formats the events of the demo as lines of text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.events import EventKind
from cldmon.domain.freshness import CRITICAL
from cldmon.domain.instants import round_to_minute
from cldmon.domain.windows import FIVE_HOUR, FULL, SEVEN_DAY, short_title
from cldmon.terminal.style import BOLD, RED, YELLOW, width

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
_EVENTS = {
    EventKind.LIMIT_HIT: "limit hit",
    EventKind.USAGE_RESET: "reset",
    EventKind.RUN_OUT: "will run out early",
    EventKind.LIMIT_CHANGED: "limit changed",
}
"""What is not shown otherwise: errors have words of their own."""


def format_heading(labels: Iterable[str], terminal: Terminal) -> str:
    """Return the line above the passes."""
    cells = "".join(f"{label:>{_CELL}}" for label in labels)
    return terminal.colourize(f"{'Time':5}{cells}  What is new", BOLD)


def format_pass(
    record: PassRecord, before: PassRecord | None, name_of: NameOf, terminal: Terminal
) -> str:
    """Return a pass as one line: the time, each account's session or week, and what is new."""
    cells = [_format_cell(account, terminal) for account in record.outcome.snapshot.accounts]
    news = "; ".join(_describe_news(record, before, name_of))
    numbers = f"{_format_clock(record.at):5}{''.join(cells)}  "
    return _limit_width(terminal).paragraph(news, numbers, " " * width(numbers)).rstrip()


def format_message(sent: SentMessage, name_of: NameOf, terminal: Terminal) -> str:
    """Return a Slack message: its time and recipient, and below them its text."""
    head = f"{_format_clock(sent.at)}  to {name_of(sent.user)} ({sent.user or sent.channel})"
    narrow = _limit_width(terminal)
    texts = filter(None, sent.text.splitlines())
    return "\n".join([narrow.clean(head), *(narrow.paragraph(t, _INDENT, _INDENT) for t in texts)])


def _limit_width(terminal: Terminal) -> Terminal:
    return terminal._replace(columns=min(terminal.columns, _WIDEST))


def _format_clock(at: datetime) -> str:
    return f"{round_to_minute(at).astimezone():%H:%M}"


def _format_cell(account: Account, terminal: Terminal) -> str:
    if account.failure:
        return terminal.colourize(f"{'error':>{_CELL}}", RED)
    windows = account.reading.windows if account.reading else {}
    window = windows.get(FIVE_HOUR) or windows.get(SEVEN_DAY)
    if window is None:
        return f"{terminal.missing:>{_CELL}}"
    text = f"{window.utilization:>{_CELL - 1}}%"
    if window.utilization < CRITICAL:
        return text
    return terminal.colourize(text, RED if window.utilization >= FULL else YELLOW)


def _describe_news(record: PassRecord, before: PassRecord | None, name_of: NameOf) -> Iterator[str]:
    if before is None:
        yield "first reading: no alerts"
    for account in record.outcome.snapshot.accounts:
        if events := list(_describe_events(account.label, record, before)):
            yield f"{account.label}: {', '.join(events)}"
    if record.sent:
        names = dict.fromkeys(name_of(sent.user).split()[0] for sent in record.sent)
        yield f"notified {', '.join(names)}"


def _describe_events(label: str, record: PassRecord, before: PassRecord | None) -> Iterator[str]:
    earlier, now = _describe_trouble(label, before), _describe_trouble(label, record)
    if now != earlier:
        yield now or "answers again"
    for pool in sorted(_find_used_up(label, record) - _find_used_up(label, before)):
        yield f"{pool} used up, no alert"
    for event in record.outcome.events:
        if event.label != label or event.window is None:
            continue
        window = "" if event.window == FIVE_HOUR else f" ({short_title(event.window)})"
        words = (
            f"past {event.threshold}%" if event.kind is EventKind.THRESHOLD else _EVENTS[event.kind]
        )
        yield words + window


def _describe_trouble(label: str, record: PassRecord | None) -> str | None:
    """Return briefly why an account could not be read, or None."""
    failed = record.outcome.failed if record else []
    kinds = (a.failure.kind.replace("_", " ") for a in failed if a.label == label and a.failure)
    return next(kinds, None)


def _find_used_up(label: str, record: PassRecord | None) -> set[str]:
    """Return the titles of an account's exhausted credit pools."""
    accounts = record.outcome.snapshot.accounts if record else ()
    readings = (account.reading for account in accounts if account.label == label)
    pools = (pool for reading in readings if reading for pool in reading.pools)
    return {pool.title for pool in pools if pool.utilization == FULL}
