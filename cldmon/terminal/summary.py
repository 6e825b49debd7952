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
    live = sum(account.live for account in accounts)
    count = f"{len(summary.limited) or 'none'} of {summary.accounts} at a limit"
    if not live:
        count = "no current readings"
    elif not summary.limited and live < summary.accounts:
        count = "none known at a limit"
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
    recovering = [f"{label}: {errors[label]}" for label in summary.recovering]
    stale = [f"{label}: stale" for label in summary.stale]
    separator = terminal.separator
    all_details = [*details, *(f"{each} ({RECOVERS})" for each in recovering), *stale]
    line = separator.join([count, *map(terminal.clean, all_details)])
    if width(line) <= terminal.columns:
        return line
    kinds = (
        (NEEDS_ACTION, summary.needs_action),
        (RECOVERS, summary.recovering),
        ("stale", summary.stale),
    )
    counts = [f"{kind}: {len(labels)}" for kind, labels in kinds if labels]
    line = separator.join([count, *counts, *map(terminal.clean, details + recovering + stale)])
    return terminal.shorten(line, terminal.columns)
