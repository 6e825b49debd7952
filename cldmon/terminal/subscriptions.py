"""Alert settings as a table."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabulate import tabulate

from cldmon.domain.windows import short_title
from cldmon.terminal.style import width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cldmon.domain.subscriptions import Subscription, Subscriptions
    from cldmon.terminal.style import Terminal

_HEADERS = ("Slack id", "Name", "Account", "Hit", "Reset", "Also")
_MAX_NAME = 16
"""Columns for a name and for a label, so that a row fits into 80."""
_GAP = 2
"""What tabulate adds to a header, and again between columns."""
_MIN_LAST = 12


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """One user's settings for one account; `name` is empty if unknown."""

    user: str
    name: str
    label: str
    subscription: Subscription


def format_table(
    rows: Iterable[SubscriptionRow],
    users: Iterable[str],
    subscriptions: Subscriptions,
    terminal: Terminal,
) -> str:
    """Return a table with a row for each setting, followed by the quiet hours and pauses of users.

    Empty if there are neither.
    """
    rows = list(rows)
    cells = [
        [
            *(
                terminal.fit(text, _MAX_NAME)
                for text in (row.user, row.name or terminal.missing, row.label)
            ),
            "on" if row.subscription.limit_hit else "off",
            "on" if row.subscription.reset else "off",
        ]
        for row in rows
    ]
    room = terminal.columns - sum(
        max([width(header) + _GAP, *map(width, column)]) + _GAP
        for header, *column in zip(_HEADERS[:-1], *cells, strict=True)
    )
    for cell, row in zip(cells, rows, strict=True):
        rest = terminal.clean(", ".join(_describe_rest(row.subscription)))
        cell.append("\n".join(textwrap.wrap(rest, max(room, _MIN_LAST))))
    lines = [tabulate(cells, _HEADERS, tablefmt="plain", disable_numparse=True)] if rows else []
    for user in users:
        if quiet := subscriptions.quiet.get(user):
            zone = f" ({quiet.timezone})" if quiet.timezone else ""
            hours = f"{quiet.start:%H:%M}-{quiet.end:%H:%M}"
            lines.append(terminal.clean(f"{user}: quiet {hours}{zone}"))
        if until := subscriptions.paused_until.get(user):
            local = until.astimezone()
            lines.append(terminal.clean(f"{user}: paused until {local:%Y-%m-%d %H:%M}"))
    return "\n".join(lines)


def _describe_rest(subscription: Subscription) -> Iterator[str]:
    yield from (f"{n}%" for n in subscription.thresholds)
    if subscription.run_out:
        yield "run-out"
    if subscription.changes:
        yield "changes"
    if subscription.windows is not None:
        yield f"only {' '.join(map(short_title, subscription.windows))}"
