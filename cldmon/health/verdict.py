"""Whether cldmon works: a verdict on what the last pass left. Pure.

Source: contract, "Health".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cldmon.domain.freshness import STALE_INTERVALS, build_views, is_stale
from cldmon.domain.model import format_iso

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from cldmon.domain.delivery import Waiting
    from cldmon.domain.freshness import AccountView
    from cldmon.domain.model import Snapshot


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all is well, in words, and what that is based on: accounts and waiting messages.

    `waiting` is None if that is unknown; `waited` is how long the oldest message has waited.
    """

    ok: bool
    text: str
    accounts: tuple[AccountView, ...] = ()
    waiting: Waiting | None = None
    waited: timedelta = timedelta(0)

    @property
    def errors(self) -> int:
        """How many accounts are in error, or were not read for too long."""
        return sum(not account.live for account in self.accounts) - self.silent

    @property
    def silent(self) -> int:
        """How many accounts wait for a report; that is no error: its person may not be working."""
        return sum(account.awaits_report for account in self.accounts)


def failed(reason: str) -> Verdict:
    """Return a bad verdict."""
    return Verdict(ok=False, text=" ".join(reason.split()))


def judge(snapshot: Snapshot, labels: Collection[str], now: datetime) -> Verdict:
    """Return the verdict on the configured accounts (`labels`) at `now` (UTC).

    It is good while passes end in time and not every account is in error. Accounts that wait for a
    report do not count.
    """
    accounts = tuple(a for a in build_views(snapshot, now) if a.label in labels)
    verdict = Verdict(ok=True, text="", accounts=accounts)
    count, errors, silent = len(accounts), verdict.errors, verdict.silent
    reason = _find_silence(snapshot, labels, now)
    if not reason and not count:
        reason = "no configured account has been read yet — run `cldmon fetch`"
    if not reason and errors and errors == count - silent:
        reason = f"all {errors} account(s) have errors — check session keys"
    if reason:
        return replace(verdict, ok=False, text=reason)
    last = format_iso(snapshot.fetched_at) if snapshot.fetched_at else "never"
    waiting = f", {silent} without a recent report" if silent else ""
    reporting = count - errors - silent
    text = f"{reporting} account(s) reporting, {errors} error(s){waiting}, last fetched {last}"
    return replace(verdict, text=text)


def add_outbox(verdict: Verdict, waiting: Waiting, now: datetime) -> Verdict:
    """Return the verdict with messages that wait for Slack added; they are not a failure."""
    text = verdict.text
    if waiting.since:
        text += f"; {waiting.count} Slack message(s) wait since {format_iso(waiting.since)}"
        text += f", {waiting.dropped} dropped so far" if waiting.dropped else ""
    return replace(verdict, text=text, waiting=waiting, waited=waiting.age(now))


def format_line(verdict: Verdict, now: datetime) -> str:
    """Return the one line that `cldmon health` prints and appends to health.log."""
    word = "OK:" if verdict.ok else "FAIL:"
    return f"[{now:%Y-%m-%dT%H:%M:%SZ}] {word:<6}{verdict.text}"


def _find_silence(snapshot: Snapshot, labels: Collection[str], now: datetime) -> str | None:
    """Return why there is no recent pass, or None if there is one."""
    last = snapshot.fetched_at
    if not labels:
        return "no account is configured — add an [[accounts]] table to the config"
    if last is None:
        return "no pass has ended yet — run `cldmon fetch`"
    if not is_stale(now - last, snapshot.interval):
        return None
    if last > now:
        return f"the last pass is dated {format_iso(last)}, in the future — check the clock"
    minutes = STALE_INTERVALS * snapshot.interval.total_seconds() / 60
    return (
        f"no pass ended within {minutes:g} min, last fetched {format_iso(last)} — check the timer"
    )
