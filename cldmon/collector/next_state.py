"""What a pass makes of the state that the one before it left: pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cldmon.domain.events import Event, EventKind
from cldmon.domain.freshness import STALE_INTERVALS, is_stale
from cldmon.domain.model import Account, Failure, FailureKind, Snapshot
from cldmon.domain.ports import ReadResult
from cldmon.domain.reports import merge
from cldmon.notifications.detection import (
    ResetRule,
    Rules,
    detect,
    detect_outage,
    find_ending_resets,
    find_key_step,
)
from cldmon.store import history
from cldmon.store.state import CHALLENGES, PASSES_TO_SKIP, AccountState, KeyFingerprint, State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from cldmon.domain.forecast import Forecast
    from cldmon.domain.freshness import Forecasts
    from cldmon.domain.model import Reading
    from cldmon.domain.reports import MergedReports, Report
    from cldmon.notifications.rules import Audience

_FROM_THE_SERVICE = frozenset(
    {
        FailureKind.KEY_EXPIRED,
        FailureKind.WRONG_ORGANIZATION,
        FailureKind.REFUSED,
        FailureKind.RATE_LIMITED,
        FailureKind.NOT_UNDERSTOOD,
    }
)
"""Failures that only the service itself tells of: no challenge stands before it."""

MOST_WINDOWS = 200
"""Windows of an account that are remembered."""

MOST_GRANTS = 100
"""Warnings of saved resets that are remembered for an account."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says of a pass. `keep_days` 0 keeps the history for ever."""

    interval: timedelta = timedelta(minutes=10)
    rule: ResetRule = ResetRule.ZERO
    keep_days: int = 0
    slack_enabled: bool = False


@dataclass(frozen=True, slots=True)
class PassResults:
    """What a pass found, by label; `keys` holds the fingerprints of the keys that were used.

    An account that was not asked (another was wanted, or it is rate limited) is in neither;
    `skipped` are those that were left alone after a challenge. `reported` are those that were not
    read, but have newer reports.
    """

    results: Mapping[str, ReadResult | Failure] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    skipped: Collection[str] = ()
    reported: Mapping[str, MergedReports] = field(default_factory=dict)

    @property
    def answers(self) -> dict[str, ReadResult]:
        """The accounts that could be read."""
        return {label: r for label, r in self.results.items() if isinstance(r, ReadResult)}

    @property
    def readings(self) -> dict[str, Reading]:
        """The new readings, of the service and of reports."""
        read = {label: answer.reading for label, answer in self.answers.items()}
        return {**{label: each.reading for label, each in self.reported.items()}, **read}

    @property
    def failures(self) -> dict[str, Failure]:
        """The accounts that could not be read."""
        return {label: r for label, r in self.results.items() if isinstance(r, Failure)}


def next_state(
    before: State,
    labels: Sequence[str],
    results: PassResults,
    *,
    started: datetime,
    now: datetime,
    settings: Settings,
    audience: Audience,
    forecasts: Forecasts,
    reports_only: Collection[str] = (),
) -> tuple[State, tuple[Event, ...]]:
    """Return the state after a pass, without new messages, and what happened.

    `labels` are all accounts of the configuration, in its order; others are forgotten, and so are
    the messages about them. `reports_only` are those without a session key.
    """
    readings, failures = results.readings, results.failures
    old = {account.label: account for account in before.snapshot.accounts}
    events: list[Event] = []
    account_states: dict[str, AccountState] = {}
    accounts = []
    for label in labels:
        has_key = label not in reports_only
        rules = Rules(settings.rule, audience.thresholds(label))
        theirs = {name: f for (owner, name), f in forecasts.items() if owner == label}
        found, account_states[label] = _advance_account(
            before, label, results, rules, theirs, now, has_key=has_key
        )
        events += found
        known = old.get(label, Account(label, None))
        reading, failure = readings.get(label, known.reading), failures.get(label)
        if failure:
            failure = replace(failure, attempts=max(1, account_states[label].challenges))
        elif label not in readings and has_key:
            failure = known.failure  # it was not asked
        if reading or failure or not has_key:
            accounts.append(Account(label, reading, failure, reports_only=not has_key))
    # A reading that came late says nothing about the time of this line.
    windows = {
        label: readings[label].windows
        for label in labels
        if label in readings and not is_stale(now - readings[label].taken_at, settings.interval)
    }
    seen_at = [event.at if event.label in results.reported else now for event in events]
    counts = Counter(before.counters)
    counts.update(f"errors.{failure.kind}" for failure in failures.values())
    counts[CHALLENGES[True]] += sum(answer.challenged for answer in results.answers.values())
    challenged = [each for each in failures.values() if each.kind is FailureKind.CHALLENGED]
    counts[CHALLENGES[False]] += len(challenged)
    after = replace(
        before,
        snapshot=Snapshot(now, tuple(accounts), settings.interval, settings.slack_enabled),
        outbox=tuple(
            m for m in before.outbox if m.event.label in labels or m.event.kind is EventKind.DIGEST
        ),
        account_states=account_states,
        history_line=history.format_line(now, windows),
        event_lines=tuple(map(history.format_event_line, events, seen_at)),
        pass_seconds=max(0.0, (now - started).total_seconds()),
        counters=dict(+counts),
    )
    return after, tuple(events)


def merge_reports(
    reports: Mapping[str, Sequence[Report]], state: State, now: datetime, interval: timedelta
) -> dict[str, MergedReports]:
    """Return the new readings that reports give, by label."""
    last = {
        account.label: account.reading
        for account in state.snapshot.accounts
        # A later one is from before the clock was set back.
        if account.reading and account.reading.taken_at <= now
    }
    merged = {}
    for label, found in reports.items():
        origins = state.account_states.get(label, AccountState()).origins
        if result := merge(last.get(label), origins, found, STALE_INTERVALS * interval):
            merged[label] = result
    return merged


def find_shared_organizations(before: State, after: State) -> Iterator[tuple[str, str]]:
    """Yield the pairs of accounts that turn out, since the last pass, to be one organization."""
    owners: dict[str, str] = {}
    for label, account in after.account_states.items():
        if account.organization is None:
            continue
        owner = owners.setdefault(account.organization.normalized_uuid, label)
        # Those that were one in the last pass were named then.
        if owner != label and any(
            _get_uuid(before, x) != _get_uuid(after, x) for x in (owner, label)
        ):
            yield owner, label


def _get_uuid(state: State, label: str) -> str | None:
    organization = state.account_states.get(label, AccountState()).organization
    return organization.normalized_uuid if organization else None


def _advance_account(
    before: State,
    label: str,
    results: PassResults,
    rules: Rules,
    forecasts: Mapping[str, Forecast],
    now: datetime,
    *,
    has_key: bool,
) -> tuple[list[Event], AccountState]:
    """Return what happened to one account, and what has to be known of it after the pass."""
    old = before.account_states.get(label, AccountState())
    account = _note_key(old, results.keys.get(label), now) if has_key else replace(old, key=None)
    events: list[Event] = []
    if account.key and (days := find_key_step(account.key.since, account.key.warned_days, now)):
        events.append(Event(EventKind.KEY_EXPIRING, label, None, now, days=days))
        account = replace(account, key=replace(account.key, warned_days=days))
    result = results.results.get(label)
    if label in results.skipped:
        account = replace(account, passes_to_skip=account.passes_to_skip - 1)
    reading, reported = results.readings.get(label), results.reported.get(label)
    if result is None and reading is None:
        return events, account
    failure = result if isinstance(result, Failure) else None
    kind, outage = detect_outage(account.outage, failure, now)
    if kind:
        events.append(Event(kind, label, None, now, reason=failure.message if failure else None))
    account = replace(account, outage=outage)
    if isinstance(result, Failure):
        account = _note_challenge(replace(account, retry_at=result.retry_at), result)
    if reading is None:
        return events, account
    # Where the label now means another organization, it is first sight.
    last_alerts = old.alerts if _is_same_organization(old, result) else {}
    windows = reading.windows
    if reported:
        windows = {name: window for name, window in windows.items() if name in reported.news}
    found, alerts = detect(
        label, last_alerts, windows, at=reading.taken_at, rules=rules, forecasts=forecasts
    )
    events += found
    account = replace(
        account,
        # The windows longest unseen are dropped: the service may keep inventing names.
        alerts=dict([*alerts.items()][-MOST_WINDOWS:]),
        origins=reported.origins if reported else {},
    )
    if not isinstance(result, ReadResult):
        return events, account
    warned = account.saved_resets_warned
    ending = find_ending_resets(reading.saved_resets, warned, now)
    if last_alerts:  # the first sight of an account sends nothing
        events += [Event(EventKind.SAVED_RESET_ENDING, label, None, now, end) for end in ending]
    refused_at = account.saved_resets_refused_at if account.refuses_saved_resets(now) else None
    if result.saved_resets_refused:
        refused_at = now
    known = account.organization == result.organization and not result.looked_up
    return events, replace(
        account,
        saved_resets_warned=(*warned, *ending)[-MOST_GRANTS:],
        organization=result.organization,
        organization_at=account.organization_at if known else now,
        retry_at=None,
        saved_resets_refused_at=refused_at,
        challenges=0,
        passes_to_skip=0,
    )


def _note_key(account: AccountState, fingerprint: str | None, now: datetime) -> AccountState:
    """Return what is known of an account after a pass that used this key, if it used any."""
    key = account.key
    if fingerprint and (key is None or key.fingerprint != fingerprint):
        # Another key may be another person's: its organization is looked up before it is believed.
        return replace(account, key=KeyFingerprint(fingerprint, now), organization_at=None)
    if key and key.since > now:  # the clock was ahead when it was first seen
        return replace(account, key=replace(key, since=now))
    return account


def _is_same_organization(old: AccountState, result: ReadResult | Failure | None) -> bool:
    """Return whether an answer may be of the organization that was read before."""
    known = old.organization
    if known is None or not isinstance(result, ReadResult):
        return True
    return known.normalized_uuid == result.organization.normalized_uuid


def _note_challenge(account: AccountState, failure: Failure) -> AccountState:
    """Return what is known after a failure: it may be a challenge, or come from behind one."""
    if failure.kind is FailureKind.CHALLENGED:
        return replace(account, challenges=account.challenges + 1, passes_to_skip=PASSES_TO_SKIP)
    if failure.kind in _FROM_THE_SERVICE:
        return replace(account, challenges=0, passes_to_skip=0)
    return replace(account, passes_to_skip=PASSES_TO_SKIP if account.challenges else 0)
