"""What a pass makes of the state that the one before it left: pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cldmon.domain.events import AlertState
from cldmon.domain.model import Account, Failure, FailureKind, Snapshot
from cldmon.domain.ports import ReadResult
from cldmon.notifications.detection import ResetRule, detect
from cldmon.store import history
from cldmon.store.state import CHALLENGES, PASSES_TO_SKIP, AccountState, KeyFingerprint, State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from cldmon.domain.events import Event

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
"""Windows of an account that are remembered: the service may keep inventing names."""


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
    `skipped` are those that were left alone after a challenge.
    """

    results: Mapping[str, ReadResult | Failure] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    skipped: Collection[str] = ()

    @property
    def answers(self) -> dict[str, ReadResult]:
        """The accounts that could be read."""
        return {label: r for label, r in self.results.items() if isinstance(r, ReadResult)}

    @property
    def failures(self) -> dict[str, Failure]:
        """The accounts that could not be read."""
        return {label: r for label, r in self.results.items() if isinstance(r, Failure)}


def next_state(
    before: State,
    labels: Sequence[str],
    findings: PassResults,
    *,
    started: datetime,
    now: datetime,
    settings: Settings,
) -> tuple[State, tuple[Event, ...]]:
    """Return the state after a pass, without new messages, and what happened to windows.

    `labels` are all accounts of the configuration, in its order; others are forgotten, and so are
    the messages about them.
    """
    counts = Counter(before.counters)
    counts.update(f"errors.{failure.kind}" for failure in findings.failures.values())
    counts.update(filter(None, map(_challenge_counter, findings.results.values())))
    readings = {label: answer.reading.windows for label, answer in findings.answers.items()}
    seen: list[Event] = []
    alerts: dict[str, AlertState] = {}
    for label, answer in findings.answers.items():
        found, alerts[label] = detect(
            label,
            _last_alerts(before.account_states.get(label, AccountState()), answer),
            answer.reading.windows,
            at=answer.reading.taken_at,
            rule=settings.rule,
        )
        seen += found
    after = replace(
        before,
        snapshot=Snapshot(
            fetched_at=now,
            accounts=tuple(_accounts(before.snapshot, labels, findings)),
            interval=settings.interval,
            slack_enabled=settings.slack_enabled,
        ),
        outbox=tuple(m for m in before.outbox if m.event.label in labels),
        account_states={label: _memory(before, label, findings, alerts, now) for label in labels},
        history_line=history.format_line(now, readings),
        pass_seconds=max(0.0, (now - started).total_seconds()),
        counters=dict(counts),
    )
    return after, tuple(seen)


def find_shared_organizations(before: State, after: State) -> Iterator[tuple[str, str]]:
    """Yield the pairs of accounts that turn out, since the last pass, to be one organization."""
    owners: dict[str, str] = {}
    for label, memory in after.account_states.items():
        if memory.organization is None:
            continue
        owner = owners.setdefault(memory.organization.normalized_uuid, label)
        if owner != label and _moved(before, after, (owner, label)):
            yield owner, label


def _moved(before: State, after: State, labels: tuple[str, str]) -> bool:
    return any(_organization(before, label) != _organization(after, label) for label in labels)


def _organization(state: State, label: str) -> str | None:
    organization = state.account_states.get(label, AccountState()).organization
    return organization.normalized_uuid if organization else None


def _accounts(before: Snapshot, labels: Sequence[str], findings: PassResults) -> Iterator[Account]:
    old = {account.label: account for account in before.accounts}
    for label in labels:
        result = findings.results.get(label)
        if isinstance(result, ReadResult):
            yield Account(label, result.reading)
        elif result:
            yield Account(label, old[label].reading if label in old else None, result)
        elif label in old:
            yield old[label]


def _memory(
    before: State,
    label: str,
    findings: PassResults,
    alerts: Mapping[str, AlertState],
    now: datetime,
) -> AccountState:
    memory = before.account_states.get(label, AccountState())
    key = findings.keys.get(label)
    if key and (memory.key is None or memory.key.fingerprint != key):
        # Another key may be another person's: its organization is looked up before it is believed.
        memory = replace(memory, key=KeyFingerprint(key, now), organization_at=None)
    result = findings.results.get(label)
    if label in findings.skipped:
        return replace(memory, passes_to_skip=memory.passes_to_skip - 1)
    if isinstance(result, Failure):
        return _after_challenge(replace(memory, retry_at=result.retry_at), result)
    if isinstance(result, ReadResult):
        known = memory.organization == result.organization and not result.looked_up
        return replace(
            memory,
            alerts=_bounded(alerts[label]),
            organization=result.organization,
            organization_at=memory.organization_at if known else now,
            retry_at=None,
            saved_resets_refused_at=_refusal(memory, result, now),
            challenges=0,
            passes_to_skip=0,
        )
    return memory


def _after_challenge(memory: AccountState, failure: Failure) -> AccountState:
    """Return what is known after a failure: it may be a challenge, or come from behind one."""
    if failure.kind is FailureKind.CHALLENGED:
        return replace(memory, challenges=memory.challenges + 1, passes_to_skip=PASSES_TO_SKIP)
    if failure.kind in _FROM_THE_SERVICE:
        return replace(memory, challenges=0, passes_to_skip=0)
    return replace(memory, passes_to_skip=PASSES_TO_SKIP if memory.challenges else 0)


def _challenge_counter(result: ReadResult | Failure) -> str | None:
    if isinstance(result, ReadResult):
        return CHALLENGES[True] if result.challenged else None
    return CHALLENGES[False] if result.kind is FailureKind.CHALLENGED else None


def _refusal(memory: AccountState, answer: ReadResult, now: datetime) -> datetime | None:
    """Return when the service refused to be asked for saved resets, if that still counts."""
    if answer.saved_resets_refused:
        return now
    return memory.saved_resets_refused_at if memory.refuses_saved_resets(now) else None


def _bounded(alerts: AlertState) -> AlertState:
    """Return the state of so many windows, without those longest unseen."""
    confirmed = dict([*alerts.confirmed.items()][-MOST_WINDOWS:])
    return AlertState(confirmed, {n: w for n, w in alerts.pending.items() if n in confirmed})


def _last_alerts(memory: AccountState, answer: ReadResult) -> AlertState:
    """Return what alerts go by; nothing where the label now means another organization."""
    old, new = memory.organization, answer.organization
    is_same = old is None or old.normalized_uuid == new.normalized_uuid
    return memory.alerts if is_same else AlertState()
