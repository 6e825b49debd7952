"""Whether cldmon works: a verdict on what the last pass left. Pure.

Source: contract, "Health".
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cldmon.domain.freshness import STALE_INTERVALS, build_views, is_stale
from cldmon.domain.instants import format_iso
from cldmon.domain.model import FailureKind
from cldmon.domain.summary import NEEDS_ACTION, RECOVERS, describe_cause

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime, tzinfo

    from cldmon.domain.delivery import Waiting
    from cldmon.domain.freshness import AccountView
    from cldmon.domain.model import Snapshot

_KEY_FAILURES = {FailureKind.KEY_EXPIRED, FailureKind.KEY_MISSING}
_MAX_NAMED = 3
"""Accounts named for each cause."""


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
        """How many accounts wait for a report; not an error: its person may not be working."""
        return sum(account.awaits_report for account in self.accounts)


def failed(reason: str) -> Verdict:
    """Return a bad verdict."""
    return Verdict(ok=False, text=" ".join(reason.split()))


def judge(
    snapshot: Snapshot, labels: Collection[str], now: datetime, zone: tzinfo | None = None
) -> Verdict:
    """Return the verdict on the configured accounts (`labels`) at `now` (UTC).

    It is good while passes end in time and not every account is in error. Accounts that wait for a
    report do not count. When an account recovers is in `zone`; None is the system's.
    """
    accounts = tuple(a for a in build_views(snapshot, now) if a.label in labels)
    verdict = Verdict(ok=True, text="", accounts=accounts)
    count, errors, silent = len(accounts), verdict.errors, verdict.silent
    reason = _find_silence(snapshot, labels, now)
    if not reason and not count:
        reason = "no configured account has been read yet — run `cldmon fetch`"
    causes = "; ".join(_list_causes(accounts, now, zone))
    if not reason and errors and errors == count - silent:
        failed_accounts = [account for account in accounts if not account.awaits_report]
        is_keys = all(a.failure and a.failure.kind in _KEY_FAILURES for a in failed_accounts)
        reason = f"all {errors} account(s) have errors — "
        reason += "check session keys" if is_keys else causes
    if reason:
        return replace(verdict, ok=False, text=reason)
    last = format_iso(snapshot.fetched_at) if snapshot.fetched_at else "never"
    waiting = f", {silent} without a recent report" if silent else ""
    reporting = count - errors - silent
    text = f"{reporting} account(s) reporting, {errors} error(s){waiting}, last fetched {last}"
    return replace(verdict, text="; ".join(filter(None, (text, causes))))


def add_outbox(verdict: Verdict, waiting: Waiting, now: datetime) -> Verdict:
    """Return the verdict with messages that wait for Slack added; they are not a failure."""
    text = verdict.text
    if waiting.since:
        text += f"; {waiting.count} Slack message(s) wait since {format_iso(waiting.since)}"
        text += f", {waiting.dropped} dropped so far" if waiting.dropped else ""
    return replace(verdict, text=text, waiting=waiting, waited=waiting.age(now))


def format_line(verdict: Verdict, now: datetime) -> str:
    """Return the one line that `cldmon health` prints and appends to health.log."""
    word = "FAIL:"
    if verdict.ok:
        word = "WARN:" if verdict.errors else "OK:"
    return f"[{now:%Y-%m-%dT%H:%M:%SZ}] {word:<6}{verdict.text}"


def _list_causes(
    accounts: Iterable[AccountView], now: datetime, zone: tzinfo | None
) -> Iterator[str]:
    """Yield why accounts do not report: what needs action, what recovers by itself, the rest."""
    groups: defaultdict[tuple[int, str], list[AccountView]] = defaultdict(list)
    for account in accounts:
        if failure := account.failure:
            groups[not failure.needs_action, failure.kind].append(account)
        elif account.stale and not account.awaits_report:
            cause = "not read for too long" if account.reading else "not read yet"
            groups[2, cause].append(account)
    for (_, cause), members in sorted(groups.items()):
        failures = [account.failure for account in members if account.failure]
        if failures:
            last = max(failures, key=lambda each: each.retry_at or now)
            who = NEEDS_ACTION if last.needs_action else RECOVERS
            cause = f"{who}: {describe_cause(last, now, zone)}"
        names = ", ".join(account.label for account in members[:_MAX_NAMED])
        more = f" and {len(members) - _MAX_NAMED} more" if len(members) > _MAX_NAMED else ""
        yield f"{cause} ({names}{more})"


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
