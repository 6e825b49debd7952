"""Events in words, once for all channels. Pure.

Each channel renders the same `Notice`: Slack as blocks, the others as plain text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from cldmon.domain.events import Event, EventKind
from cldmon.domain.instants import round_to_minute
from cldmon.domain.key_age import KEY_LIFE
from cldmon.domain.text import one_line
from cldmon.domain.windows import limit_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_MARKUP = re.compile(r"[\\`*_\[\]<>#~|]")
_LONGEST_LINE = 500
_LONGEST_SUBJECT = 80
_LONGEST_LIMIT = 80
_LONGEST_REASON = 300
_LONGEST_LIST = 2_000
_MAX_NAMED = 3
"""Accounts named in the subject of a notice."""

Text: TypeAlias = tuple[str | datetime, ...]
"""A sentence whose instants (UTC) each channel shows in its own way."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One event in words.

    `subject` and `statement` make a sentence: "alice's" + "5-hour limit has been reached". Parts
    of them come from outside: a channel that reads markup has to quote them.
    """

    sign: str
    subject: str
    headline: str
    statement: Text
    details: tuple[Text, ...]
    at: datetime


SIGNS = {
    EventKind.LIMIT_HIT: "\N{LARGE RED CIRCLE}",
    EventKind.USAGE_RESET: "\N{LARGE GREEN CIRCLE}",
    EventKind.THRESHOLD: "\N{LARGE ORANGE CIRCLE}",
    EventKind.RUN_OUT: "\N{LARGE YELLOW CIRCLE}",
    EventKind.LIMIT_CHANGED: "\N{LARGE BLUE CIRCLE}",
    EventKind.KEY_EXPIRING: "\N{KEY}",
    EventKind.ACCOUNT_FAILED: "\N{WARNING SIGN}",
    EventKind.ACCOUNT_RECOVERED: "\N{LARGE GREEN CIRCLE}",
    EventKind.SAVED_RESET_ENDING: "\N{HOURGLASS}",
    EventKind.TEST: "\N{WHITE HEAVY CHECK MARK}",
    EventKind.DIGEST: "\N{BAR CHART}",
}


JOINED_EVENTS = frozenset({EventKind.ACCOUNT_FAILED, EventKind.ACCOUNT_RECOVERED})
"""Accounts to which one of these happens for one reason are named in one notice."""


def describe_events(events: Sequence[Event], now: datetime) -> list[Notice]:
    """Return what to say of events that one message tells, as it reads at `now` (UTC).

    A threshold is left out beside the limit that was reached in the same reading.
    """
    hits = {(e.label, e.window, e.at) for e in events if e.kind is EventKind.LIMIT_HIT}
    groups: dict[object, list[Event]] = {}
    for number, event in enumerate(events):
        if event.kind is EventKind.THRESHOLD and (event.label, event.window, event.at) in hits:
            continue
        is_joined = event.kind in JOINED_EVENTS
        groups.setdefault((event.kind, event.reason) if is_joined else number, []).append(event)
    return [_describe(group, now) for group in groups.values()]


def to_sentence(notice: Notice, show: Callable[[datetime], str]) -> str:
    """Return a notice as one line of plain text."""
    sentences = [(f"{notice.subject}'s ", *notice.statement, "."), *notice.details]
    return " ".join(to_text(sentence, show) for sentence in sentences)


def to_text(text: Text, show: Callable[[datetime], str]) -> str:
    """Return a text with its instants as `show` gives them."""
    return "".join(part if isinstance(part, str) else show(part) for part in text)


def format_utc(instant: datetime) -> str:
    """Return an instant as `2026-03-12 02:54 UTC`."""
    return round_to_minute(instant).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def format_plain_text(events: Sequence[Event], now: datetime, link: str | None) -> str:
    """Return events as the text of one message, a line each, with a link to the dashboard.

    That of a digest is without its title.
    """
    return "\n".join([*_format_lines(events, now), *([link] if link else [])])


def format_markdown(events: Sequence[Event], now: datetime, link: str | None) -> str:
    """Return the same as Markdown, a paragraph for each line."""
    lines = [_MARKUP.sub(r"\\\g<0>", line) for line in _format_lines(events, now)]
    return "\n\n".join([*lines, *([f"[Open the dashboard]({link})"] if link else [])])


def _format_lines(events: Sequence[Event], now: datetime) -> list[str]:
    return split_digest(events[0])[1:] or [
        f"{notice.sign} {one_line(to_sentence(notice, format_utc), _LONGEST_LINE)}"
        for notice in describe_events(events, now)
    ]


def format_event(event: Event, now: datetime) -> str:
    """Return one event as a line of plain text, without a sign; a digest as its lines."""
    if digest := split_digest(event):
        return "\n".join(digest)
    return one_line(to_sentence(_describe([event], now), format_utc), _LONGEST_LINE)


def format_title(events: Sequence[Event], now: datetime) -> str:
    """Return a short title for a message about events."""
    if digest := split_digest(events[0]):
        return digest[0]
    notices = describe_events(events, now)
    first = f"{one_line(notices[0].subject, _LONGEST_SUBJECT)}: {notices[0].headline}"
    return first if len(notices) == 1 else f"{first}, and {len(notices) - 1} more"


def split_digest(event: Event) -> list[str]:
    """Return the title and the lines of a digest; of any other event, nothing."""
    return (event.text or "Digest").split("\n") if event.kind is EventKind.DIGEST else []


def _describe(events: Sequence[Event], now: datetime) -> Notice:
    """Return the notice of one event, or of several that are alike but for the account."""
    first = events[0]
    headline, statement, details = _describe_event(first, now)
    labels = list(dict.fromkeys(event.label for event in events))
    subject = ", ".join(labels[:_MAX_NAMED])
    if len(labels) > _MAX_NAMED:
        subject += f" and {len(labels) - _MAX_NAMED} more"
        everybody = one_line(f"Accounts: {', '.join(labels)}.", _LONGEST_LIST)
        details = [*details, (everybody,)]
    return Notice(SIGNS[first.kind], subject, headline, statement, tuple(details), first.at)


def _describe_event(event: Event, now: datetime) -> tuple[str, Text, Iterable[Text]]:
    """Return the headline, the statement without full stop, and the details of an event."""
    limit = _format_limit(event.window) if event.window else ""
    match event.kind:
        case EventKind.LIMIT_HIT:
            statement: Text = (f"{limit} has been reached (100%)",)
            details = [_describe_reset(event, now, "Resets")]
            if other := _describe_other_limit(event, now):
                details.append(("But ", *other, "."))
            return "limit reached", statement, details
        case EventKind.USAGE_RESET:
            used = f" and is at {event.utilization}%" if event.utilization else ""
            statement = (f"{limit} has reset{used}",)
            if other := _describe_other_limit(event, now):
                statement = (*statement, ", but ", *other)
            verb = f"The {limit} resets next" if other else "It resets next"
            next_reset = _describe_reset(event, now, verb)
            if event.resets_at is None:
                next_reset = ("No new window has started yet.",)
            return "limit reset", statement, [next_reset]
        case EventKind.THRESHOLD:
            headline = f"{event.threshold}% used"
            details = [_describe_reset(event, now, "Resets")]
            if event.full_at:
                details.insert(0, ("On pace to be full ", event.full_at, "."))
            return headline, (f"{limit} is at {event.utilization}%",), details
        case EventKind.RUN_OUT:
            pace = f"{limit} is at {event.utilization}% and on pace to be full "
            details = [_describe_reset(event, now, "Resets")]
            return "will run out early", (pace, event.full_at or now), details
        case EventKind.LIMIT_CHANGED:
            return "limit changed", *_describe_change(event, limit, now)
        case EventKind.KEY_EXPIRING:
            days = event.days or 0
            warning = f"Keys stop working after about {KEY_LIFE.days} days."
            if days >= KEY_LIFE.days:
                warning = "It may stop working any day."
            renewal = f"Renew it with: cldmon login {one_line(event.label, _LONGEST_SUBJECT)}"
            statement = (f"session key is {days} days old",)
            return "session key expires soon", statement, [(warning,), (renewal,)]
        case EventKind.ACCOUNT_FAILED:
            reason = one_line(event.reason or "the reason is not known", _LONGEST_REASON)
            sentence = f"{reason[:1].upper()}{reason[1:]}."
            return "can't be read", ("usage can't be read",), [(sentence,)]
        case EventKind.ACCOUNT_RECOVERED:
            return "can be read again", ("usage can be read again",), []
        case EventKind.SAVED_RESET_ENDING:
            ends: Text = ("saved limit reset ends ", event.resets_at or now, " unless it is used")
            return "saved reset ends soon", ends, []
        case EventKind.TEST:
            return "test message", ("alerts arrive here",), []
        case EventKind.DIGEST:
            raise ValueError("a digest is a message of its own")


def _format_limit(window: str) -> str:
    """Return a window's name within a sentence; part of it may come from the service."""
    return one_line(limit_name(window), _LONGEST_LIMIT)


def _describe_reset(event: Event, now: datetime, verb: str) -> Text:
    if event.resets_at is None:
        return ("The reset time is not known.",)
    if event.resets_at <= now:
        return ("Its reset was due ", event.resets_at, ".")
    return (f"{verb} ", event.resets_at, ".")


def _describe_other_limit(event: Event, now: datetime) -> Text:
    """Return which other limit holds, and until when; empty if none does."""
    until = event.limited_until
    if event.limited_by is None or (until and until <= now):
        return ()
    other = f"the {_format_limit(event.limited_by)} holds"
    return (f"{other} until ", until) if until else (other,)


def _describe_change(event: Event, limit: str, now: datetime) -> tuple[Text, list[Text]]:
    """Return the statement and the details of a limit that was changed."""
    before = event.before
    if before and event.utilization is not None and event.utilization < before.utilization:
        fall = (
            f"{limit} fell from {before.utilization}% to {event.utilization}% before its reset:"
            " it was raised, or a saved reset was used"
        )
        return (fall,), [_describe_reset(event, now, "Resets")]
    if before and before.resets_at and event.resets_at:
        moved = (" instead of ", before.resets_at, f" ({event.utilization}% used)")
        return (f"{limit} now resets ", event.resets_at, *moved), []
    return (f"{limit} has changed",), []
