"""What is said on Slack: payloads, built purely; `cldmon.channels.slack.client` sends them.

Text from outside (account labels, model names) only ever stands in `plain_text` objects, where
Slack reads no markup, and is escaped there too. `mrkdwn` objects hold this module's own words
and Slack's date markup, so no label can mention anybody or break the format.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from cldmon.domain.events import EventKind
from cldmon.domain.instants import nearest_minute
from cldmon.domain.text import is_printable
from cldmon.domain.windows import limit_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cldmon.domain.events import Event
    from cldmon.domain.subscriptions import Subscription

_ROOM = 80
"""Characters granted to a label or title: keeps the header below Slack's limit of 150."""


@dataclass(frozen=True, slots=True)
class _Words:
    """How one kind of event is put into words."""

    sign: str
    headline: str
    verb: str
    reset: str
    no_reset: str


_WORDS = {
    EventKind.LIMIT_HIT: _Words(
        sign="\N{LARGE RED CIRCLE}",
        headline="limit reached",
        verb="has been reached",
        reset="Resets",
        no_reset="The reset time is not known.",
    ),
    EventKind.USAGE_RESET: _Words(
        sign="\N{LARGE GREEN CIRCLE}",
        headline="limit reset",
        verb="has reset",
        reset="It resets next",
        no_reset="No new window has started yet.",
    ),
}


@dataclass(frozen=True, slots=True)
class Message:
    """What one person is told: Block Kit `blocks`, and a `text` that is complete by itself.

    `text` is what notifications and screen readers get. It is escaped, and to be sent with
    Slack's markup switched off (`mrkdwn: false`).
    """

    text: str
    blocks: tuple[dict[str, Any], ...]


def alert(event: Event, now: datetime) -> Message:
    """Return the message about a limit that was reached or has reset, as it reads at `now`.

    It says when that was seen, since it may be delivered much later.
    """
    words = _WORDS[event.kind]
    label, limit = _quoted(event.label), _quoted(limit_name(event.window))
    return Message(
        text=f"{label}'s {limit} {words.verb}. {_reset(event, now, _utc)} Seen {_utc(event.at)}.",
        blocks=(
            _header(f"{words.sign} {label}: {words.headline}"),
            _section(_plain(f"The {limit} {words.verb}.")),
            _section(_mrkdwn(_reset(event, now, _local))),
            {"type": "context", "elements": [_mrkdwn(f"Seen {_local(event.at)}")]},
        ),
    )


def confirmation(label: str, subscription: Subscription) -> Message:
    """Return what a user is told as soon as their alerts for account `label` have changed."""
    text = _promise(_quoted(label), subscription)
    return Message(text=text, blocks=(_section(_plain(text)),))


def login_code(code: str, minutes: int) -> Message:
    """Return the message that carries a one-time login code, valid for `minutes`."""
    headline = f"Your cldmon login code: {_quoted(code)}"
    valid = f"It is valid for {minutes} {'minute' if minutes == 1 else 'minutes'}."
    advice = "If you did not ask for it, ignore it: nobody can log in as you without the code."
    return Message(
        text=f"{headline}. {valid} {advice}",
        blocks=(_header(headline), _section(_plain(f"{valid} {advice}"))),
    )


def wrong_login_codes(tries: int) -> Message:
    """Return the message to somebody for whom a number of wrong login codes were entered."""
    headline = f"{tries} wrong cldmon login codes were entered for you"
    state = "Nobody got in by them, and the code that was sent to you is void."
    advice = (
        "If that was you, ask for a new one. If not, somebody tries to log in as you: "
        "tell whoever runs cldmon. You hear of this once a day at most."
    )
    return Message(
        text=f"{headline}. {state} {advice}",
        blocks=(_header(headline), _section(_plain(f"{state} {advice}"))),
    )


def _promise(label: str, subscription: Subscription) -> str:
    match subscription.limit_hit, subscription.reset:
        case True, True:
            return f"You'll get a message when a limit of {label} is reached and when it resets."
        case True, False:
            return f"You'll get a message when a limit of {label} is reached, not when it resets."
        case False, True:
            return f"You'll get a message when a limit of {label} resets, not when it is reached."
    return f"You will get no more alerts about {label}."


def _reset(event: Event, now: datetime, show: Callable[[datetime], str]) -> str:
    words = _WORDS[event.kind]
    if event.resets_at is None:
        return words.no_reset
    if event.resets_at <= now:
        return f"Its reset was due {show(event.resets_at)}."
    return f"{words.reset} {show(event.resets_at)}."


def _local(instant: datetime) -> str:
    """Return Slack's date markup: each reader sees the instant in their own zone."""
    seconds = int(nearest_minute(instant).timestamp())
    return f"<!date^{seconds}^{{date_short_pretty}} at {{time}}|{_utc(instant)}>"


def _utc(instant: datetime) -> str:
    return nearest_minute(instant).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _header(text: str) -> dict[str, Any]:
    return {"type": "header", "text": _plain(text)}


def _section(text: dict[str, Any]) -> dict[str, Any]:
    return {"type": "section", "text": text}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _quoted(foreign: str) -> str:
    """Return a text from outside as one escaped line that Slack shows to the letter."""
    line = " ".join("".join(c for c in foreign if c.isspace() or is_printable(c)).split()) or "?"
    if _units(_escaped(line)) <= _ROOM:
        return _escaped(line)
    line = line[:_ROOM]
    while _units(_escaped(line)) >= _ROOM:
        line = line[:-1]
    return f"{_escaped(line)}…"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _units(text: str) -> int:
    """Return a length in UTF-16 units: never less than Slack counts."""
    return len(text.encode("utf-16-le")) // 2
