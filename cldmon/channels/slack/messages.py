"""What is said on Slack: payloads, built purely; `cldmon.channels.slack.client` sends them.

Text from outside (account labels, model names) is escaped and goes into `plain_text` objects, where
Slack reads no markup. Beside a date, which needs `mrkdwn`, the characters of Slack's markup are
removed from it as well. So no label can mention anybody or break the format.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from cldmon.domain.events import EventKind
from cldmon.domain.instants import round_to_minute
from cldmon.domain.text import is_printable
from cldmon.notifications.wording import (
    SIGNS,
    describe_events,
    format_utc,
    split_digest,
    to_sentence,
    to_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from cldmon.domain.events import Event
    from cldmon.notifications.wording import Notice, Text

_ROOM = 80
"""Characters granted to a label or title: keeps the header below Slack's limit of 150."""

_MAX_SECTION = 2_900
"""UTF-16 units of a section; Slack allows 3,000."""
_MAX_SECTIONS = 40
MAX_EVENTS = 45
"""Events in one message: Slack allows fifty blocks."""
_MAX_DETAILED = 8
"""Events that may take up to six blocks each; of more, each is a section."""
_MAX_LINE = 500
_MAX_FALLBACK = 30_000

_FORMAT = re.compile(r"[*_~`]")
_escape = partial(html.escape, quote=False)


@dataclass(frozen=True, slots=True)
class Message:
    """What one person is told: Block Kit `blocks`, and a `text` that is complete by itself.

    `text` is what notifications and screen readers get. It is escaped, and to be sent with
    Slack's markup switched off (`mrkdwn: false`).
    """

    text: str
    blocks: tuple[dict[str, Any], ...]


def build_alert(events: Sequence[Event], now: datetime, link: str | None = None) -> Message:
    """Return the message about events, as it reads at `now`, with a link to the dashboard.

    It says when they were seen, since it may be delivered much later. A digest is a message of its
    own.
    """
    if digest := split_digest(events[0]):
        return _build_digest(digest, link)
    notices = describe_events(events, now)
    build = _build_line if len(notices) > _MAX_DETAILED else _build_blocks
    blocks = [block for notice in notices for block in build(notice)]
    text = "\n".join(map(_format_fallback, notices))
    return Message(text[:_MAX_FALLBACK], (*blocks, *_build_link(link)))


def _build_blocks(notice: Notice) -> Iterator[dict[str, Any]]:
    yield _build_header(f"{notice.sign} {_quote_line(notice.subject)}: {notice.headline}")
    for text in (("The ", *notice.statement, "."), *notice.details):
        yield _build_section(_build_text(text))
    yield _build_context(f"Seen {_format_date_markup(notice.at)}")


def _build_line(notice: Notice) -> Iterator[dict[str, Any]]:
    start = (f"{notice.sign} {_join_lines(notice.subject) or '?'}'s ", *notice.statement, ".")
    end = (" Seen ", notice.at, ".")
    details = [part for text in notice.details for part in (" ", *text)]
    text = _build_text((*start, *details, *end))
    is_too_long = _count_units(text["text"]) > _MAX_SECTION
    yield _build_section(_build_text((*start, *end)) if is_too_long else text)


def _build_digest(digest: Sequence[str], link: str | None) -> Message:
    """Return the message of a digest, given its title and its lines."""
    title, *lines = (_escape(_join_lines(line)[:_MAX_LINE]) for line in digest)
    sections = [""]
    for line in lines:
        if _count_units(sections[-1] + line) > _MAX_SECTION:
            sections.append("")
        sections[-1] += f"{line}\n"
    blocks = (
        _build_section(_build_plain_text(text)) for text in sections[:_MAX_SECTIONS] if text.strip()
    )
    sign = SIGNS[EventKind.DIGEST]
    text = "\n".join([title, *lines])[:_MAX_FALLBACK]
    return Message(
        text, (_build_header(f"{sign} {_quote_line(digest[0])}"), *blocks, *_build_link(link))
    )


def _build_link(link: str | None) -> list[dict[str, Any]]:
    return [_build_context(f"<{_escape(link)}|Open the dashboard>")] if link else []


def build_confirmation(text: str | Text) -> Message:
    """Return the message that confirms a change of somebody's alert settings."""
    parts: Text = (_join_lines(text),) if isinstance(text, str) else text
    fallback = to_text(_quote(parts), format_utc)
    return Message(text=fallback, blocks=(_build_section(_build_text(parts)),))


def build_login_code(code: str, minutes: int) -> Message:
    """Return the message that carries a one-time login code, valid for `minutes`."""
    return _build_notice(
        f"Your cldmon login code: {_quote_line(code)}",
        f"It is valid for {minutes} {'minute' if minutes == 1 else 'minutes'}."
        " If you did not ask for it, ignore it: nobody can log in as you without the code.",
    )


def build_wrong_codes_warning(tries: int) -> Message:
    """Return the message to a user after several wrong login codes were entered in their name."""
    return _build_notice(
        f"{tries} wrong cldmon login codes were entered for you",
        "Nobody got in by them, and the code that was sent to you is void."
        " If that was you, ask for a new one. If not, somebody tries to log in as you:"
        " tell whoever runs cldmon. You hear of this once a day at most.",
    )


def _build_notice(headline: str, text: str) -> Message:
    return Message(
        f"{headline}. {text}", (_build_header(headline), _build_section(_build_plain_text(text)))
    )


def _format_fallback(notice: Notice) -> str:
    """Return a notice as one escaped line."""
    quoted = replace(
        notice,
        subject=_quote_line(notice.subject),
        statement=_quote(notice.statement),
        details=tuple(map(_quote, notice.details)),
    )
    return f"{to_sentence(quoted, format_utc)} Seen {format_utc(notice.at)}."


def _quote(text: Text) -> Text:
    return tuple(_escape(part) if isinstance(part, str) else part for part in text)


def _build_text(text: Text) -> dict[str, Any]:
    """Return a text as Slack shows it: with its date markup if it holds an instant.

    Text from outside stands there without the characters that Slack reads as a format.
    """
    if all(isinstance(part, str) for part in text):
        return _build_plain_text(_quote_line(to_text(text, format_utc), _MAX_SECTION))
    unformatted = (_FORMAT.sub("", part) if isinstance(part, str) else part for part in text)
    return _build_mrkdwn(to_text(_quote(tuple(unformatted)), _format_date_markup))


def _format_date_markup(instant: datetime) -> str:
    """Return Slack's date markup: each reader sees the instant in their own zone."""
    seconds = int(round_to_minute(instant).timestamp())
    return f"<!date^{seconds}^{{date_short_pretty}} at {{time}}|{format_utc(instant)}>"


def _build_header(text: str) -> dict[str, Any]:
    return {"type": "header", "text": _build_plain_text(text)}


def _build_section(text: dict[str, Any]) -> dict[str, Any]:
    return {"type": "section", "text": text}


def _build_context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [_build_mrkdwn(text)]}


def _build_plain_text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _build_mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _quote_line(foreign: str, room: int = _ROOM) -> str:
    """Return a text from outside as one escaped line that Slack shows to the letter."""
    line = _join_lines(foreign) or "?"
    if _count_units(_escape(line)) <= room:
        return _escape(line)
    line = line[:room]
    while _count_units(_escape(line)) >= room:
        line = line[:-1]
    return f"{_escape(line)}…"


def _join_lines(text: str) -> str:
    return " ".join("".join(c for c in text if c.isspace() or is_printable(c)).split())


def _count_units(text: str) -> int:
    """Return a length in UTF-16 units: never less than Slack counts."""
    return len(text.encode("utf-16-le")) // 2
