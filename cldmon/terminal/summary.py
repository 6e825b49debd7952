"""The summary of all accounts in one line: who is at a limit, until when, and who is in error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.model import FailureKind
from cldmon.terminal.times import format_clock, format_countdown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cldmon.domain.freshness import AccountView
    from cldmon.domain.summary import Summary
    from cldmon.terminal.style import Terminal

_FAILURES = {
    FailureKind.KEY_MISSING: "no session key",
    FailureKind.KEY_EXPIRED: "session key expired",
    FailureKind.WRONG_ORGANIZATION: "wrong organization",
    FailureKind.REFUSED: "refused",
    FailureKind.CHALLENGED: "challenged",
    FailureKind.RATE_LIMITED: "rate limited",
    FailureKind.SERVICE_DOWN: "service down",
    FailureKind.NOT_UNDERSTOOD: "answer not understood",
    FailureKind.TIMEOUT: "timed out",
    FailureKind.NO_BROWSER: "no browser",
    FailureKind.UNEXPECTED: "unexpected error",
}


def format_summary(
    summary: Summary, accounts: Sequence[AccountView], now: datetime, terminal: Terminal
) -> str:
    """Return `1 of 4 at a limit · bob resets in 34m · dave: session key expired`."""
    parts = [f"{len(summary.limited) or 'none'} of {summary.accounts} at a limit"]
    for limit in summary.limited:
        if limit.until:
            left = format_countdown(limit.until - now)
            parts.append(f"{terminal.clean(limit.label)} resets in {left}")
        else:
            parts.append(terminal.clean(limit.label))
    for account in accounts:
        label, failure = terminal.clean(account.label), account.failure
        if account.label in summary.stale:
            parts.append(f"{label}: stale")
        elif failure:
            until = ""
            if failure.retry_at and failure.retry_at > now:
                until = f" until {format_clock(failure.retry_at, now, None)}"
            parts.append(f"{label}: {_FAILURES[failure.kind]}{until}")
    return terminal.shorten(terminal.pick(" · ", " - ").join(parts), terminal.columns)
