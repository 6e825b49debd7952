"""Alert settings as a table: text from domain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cldmon.domain.subscriptions import Subscription
    from cldmon.terminal.style import Terminal

_HEADERS = ("Slack id", "Name", "Account", "Limit hit", "Reset")
_LONGEST = 20
"""Columns for a name and for a label, so that a row fits into 80."""


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """One user's settings for one account; `name` is empty if unknown."""

    user: str
    name: str
    label: str
    subscription: Subscription


def format_table(lines: Iterable[SubscriptionRow], terminal: Terminal) -> str:
    """Return a table with a row for each setting."""
    rows = []
    for line in lines:
        texts = (line.user, line.name or terminal.missing, line.label)
        alerts = (line.subscription.limit_hit, line.subscription.reset)
        cells = [terminal.shorten(terminal.clean(text), _LONGEST) for text in texts]
        rows.append([*cells, *("on" if alert else "off" for alert in alerts)])
    return tabulate(rows, _HEADERS, tablefmt="plain", disable_numparse=True)
