"""Whether cldmon is doing its work: one verdict out of what the last pass left. Pure.

Source: contract, "Health".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cldmon.domain.freshness import STALE_INTERVALS, is_stale, view
from cldmon.domain.model import iso

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from cldmon.domain.delivery import Waiting
    from cldmon.domain.freshness import AccountView
    from cldmon.domain.model import Snapshot


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all is well, in words, and what it was judged by: accounts, and messages that wait.

    `waiting` is None where that is not known; `waited` is how long the oldest message has.
    """

    ok: bool
    text: str
    accounts: tuple[AccountView, ...] = ()
    waiting: Waiting | None = None
    waited: timedelta = timedelta(0)

    @property
    def errors(self) -> int:
        """How many accounts do not report: in error, or not read for too long."""
        return sum(not account.live for account in self.accounts)


def failed(reason: str) -> Verdict:
    """Return the verdict that nothing can be said, or nothing good."""
    return Verdict(ok=False, text=" ".join(reason.split()))


def judge(snapshot: Snapshot, labels: Collection[str], now: datetime) -> Verdict:
    """Return the verdict on the configured accounts (`labels`) at `now` (UTC).

    It is good while passes end in time and at least one account reports.
    """
    accounts = tuple(a for a in view(snapshot, now) if a.label in labels)
    verdict = Verdict(ok=True, text="", accounts=accounts)
    reason = _silence(snapshot, labels, now) or _all_in_error(verdict)
    if reason:
        return Verdict(ok=False, text=reason, accounts=accounts)
    return Verdict(ok=True, text=_report(verdict, snapshot), accounts=accounts)


def add_outbox(verdict: Verdict, waiting: Waiting, now: datetime) -> Verdict:
    """Return the verdict with what is to be said of messages that wait for Slack: no failure."""
    return replace(
        verdict,
        text=verdict.text + _outbox(waiting),
        waiting=waiting,
        waited=waiting.age(now),
    )


def format_line(verdict: Verdict, now: datetime) -> str:
    """Return the one line that `cldmon health` prints and appends to health.log."""
    word = "OK:" if verdict.ok else "FAIL:"
    return f"[{now:%Y-%m-%dT%H:%M:%SZ}] {word:<6}{verdict.text}"


def _silence(snapshot: Snapshot, labels: Collection[str], now: datetime) -> str | None:
    """Return why there is no news, if there is none."""
    last = snapshot.fetched_at
    if not labels:
        return "no account is configured — add an [[accounts]] table to the config"
    if last is None:
        return "no pass has ended yet — run `cldmon fetch`"
    if not is_stale(now - last, snapshot.interval):
        return None
    if last > now:
        return f"the last pass is dated {iso(last)}, in the future — check the clock"
    minutes = STALE_INTERVALS * snapshot.interval.total_seconds() / 60
    return f"no pass ended within {minutes:g} min, last fetched {iso(last)} — check the timer"


def _all_in_error(verdict: Verdict) -> str | None:
    count = len(verdict.accounts)
    if not count:
        return "no configured account has been read yet — run `cldmon fetch`"
    if verdict.errors < count:
        return None
    return f"all {count} account(s) have errors — check session keys"


def _report(verdict: Verdict, snapshot: Snapshot) -> str:
    reporting = len(verdict.accounts) - verdict.errors
    at = iso(snapshot.fetched_at) if snapshot.fetched_at else "never"
    return f"{reporting} account(s) reporting, {verdict.errors} error(s), last fetched {at}"


def _outbox(waiting: Waiting) -> str:
    if waiting.since is None:
        return ""
    dropped = f", {waiting.dropped} dropped so far" if waiting.dropped else ""
    return f"; {waiting.count} Slack message(s) wait since {iso(waiting.since)}{dropped}"
