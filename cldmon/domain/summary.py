"""Who is at a limit, until when, and which accounts need attention. Pure.

This is decided only here. Source: contract, "HTTP", `summary`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cldmon.domain.freshness import find_last_reset
from cldmon.domain.instants import format_clock
from cldmon.domain.model import FailureKind
from cldmon.domain.windows import FULL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from cldmon.domain.freshness import AccountView
    from cldmon.domain.model import Failure

NEEDS_ACTION = "needs action"
RECOVERS = "recovers by itself"

_CAUSES = {
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


@dataclass(frozen=True, slots=True)
class Limit:
    """An account at a limit: its full window that resets last, at `until` (UTC) if known."""

    label: str
    window: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Accounts at a limit, and labels of those in error or stale; each account in one list.

    `needs_action`: someone has to act. `recovering`: these recover on their own.
    """

    accounts: int
    limited: tuple[Limit, ...]
    needs_action: tuple[str, ...]
    recovering: tuple[str, ...]
    stale: tuple[str, ...]


def summarize(accounts: Sequence[AccountView], now: datetime) -> Summary:
    """Return the summary of accounts as they may be shown at `now` (UTC)."""
    limited = []
    for account in accounts:
        full = [
            window
            for window in account.windows
            if account.live and not window.due and window.utilization >= FULL
        ]
        if full:
            last = find_last_reset(full)
            until = last.resets_at if last.resets_at and last.resets_at > now else None
            limited.append(Limit(account.label, last.name, until))
    failed = [(a.label, a.failure.needs_action) for a in accounts if a.failure]
    return Summary(
        len(accounts),
        tuple(limited),
        tuple(label for label, needs_action in failed if needs_action),
        tuple(label for label, needs_action in failed if not needs_action),
        tuple(a.label for a in accounts if a.stale and not a.failure and a.reading),
    )


def describe_cause(failure: Failure, now: datetime, zone: tzinfo | None = None) -> str:
    """Return why an account can't be read in few words: `rate limited until 14:26`.

    The time is in `zone`; None is the system's.
    """
    until = ""
    if failure.retry_at and failure.retry_at > now:
        until = f" until {format_clock(failure.retry_at, now, zone)}"
    return _CAUSES[failure.kind] + until
