"""The summary of all accounts in one line: who is at a limit, until when, and who is in error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.summary import NEEDS_ACTION, RECOVERS, describe_cause
from cldmon.terminal.style import width
from cldmon.terminal.times import format_countdown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cldmon.domain.freshness import AccountView
    from cldmon.domain.summary import Summary
    from cldmon.terminal.style import Terminal


def format_summary(
    summary: Summary, accounts: Sequence[AccountView], now: datetime, terminal: Terminal
) -> str:
    """Return `1 of 4 at a limit · bob resets in 34m · dave: session key expired`.

    If that is too long, the number of errors of each kind comes before the names.
    """
    count = f"{len(summary.limited) or 'none'} of {summary.accounts} at a limit"
    if not any(account.live for account in accounts):
        count = "no current readings"
    errors = {
        account.label: describe_cause(account.failure, now)
        for account in accounts
        if account.failure
    }
    details = [
        f"{limit.label} resets in {format_countdown(limit.until - now)}"
        if limit.until
        else limit.label
        for limit in summary.limited
    ]
    details += [f"{label}: {errors[label]}" for label in summary.needs_action]
    details += [f"{label}: {errors[label]} ({RECOVERS})" for label in summary.recovering]
    details += [f"{label}: stale" for label in summary.stale]
    separator = terminal.separator
    line = separator.join([count, *map(terminal.clean, details)])
    if width(line) <= terminal.columns:
        return line
    kinds = (
        (NEEDS_ACTION, summary.needs_action),
        (RECOVERS, summary.recovering),
        ("stale", summary.stale),
    )
    counts = [f"{kind}: {len(labels)}" for kind, labels in kinds if labels]
    line = separator.join([count, *counts, *map(terminal.clean, details)])
    return terminal.shorten(line, terminal.columns)
