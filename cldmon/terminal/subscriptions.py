"""Alert settings as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabulate import tabulate

from cldmon.domain.windows import short_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cldmon.domain.subscriptions import Subscription, Subscriptions
    from cldmon.terminal.style import Terminal

_HEADERS = ("Slack id", "Name", "Account", "Hit", "Reset", "Also")
_MAX_NAME = 16
"""Columns for a name and for a label, so that a row fits into 80."""


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """One user's settings for one account; `name` is empty if unknown."""

    user: str
    name: str
    label: str
    subscription: Subscription


def format_table(
    rows: Iterable[SubscriptionRow], subscriptions: Subscriptions, terminal: Terminal
) -> str:
    """Return a table with a row for each setting, and below it who is not to be disturbed."""
    rows = list(rows)
    lines = [_build_row(row, terminal) for row in rows]
    table = tabulate(lines, _HEADERS, tablefmt="plain", disable_numparse=True)
    users = dict.fromkeys(row.user for row in rows)
    return "\n".join([table, *_quiet_lines(users, subscriptions, terminal)])


def _build_row(row: SubscriptionRow, terminal: Terminal) -> list[str]:
    texts = (row.user, row.name or terminal.missing, row.label)
    alerts = (row.subscription.limit_hit, row.subscription.reset)
    return [
        *(terminal.shorten(terminal.clean(text), _MAX_NAME) for text in texts),
        *("on" if alert else "off" for alert in alerts),
        terminal.clean(", ".join(_describe_rest(row.subscription))),
    ]


def _describe_rest(subscription: Subscription) -> Iterator[str]:
    yield from (f"{n}%" for n in subscription.thresholds)
    if subscription.run_out:
        yield "run-out"
    if subscription.changes:
        yield "changes"
    if subscription.windows is not None:
        yield f"only {' '.join(map(short_title, subscription.windows))}"


def _quiet_lines(
    users: Iterable[str], subscriptions: Subscriptions, terminal: Terminal
) -> Iterator[str]:
    for user in users:
        if quiet := subscriptions.quiet.get(user):
            zone = f" ({quiet.timezone})" if quiet.timezone else ""
            yield terminal.clean(f"{user}: quiet {quiet.start:%H:%M}-{quiet.end:%H:%M}{zone}")
        if until := subscriptions.paused_until.get(user):
            yield terminal.clean(f"{user}: paused until {until.astimezone():%Y-%m-%d %H:%M}")
