"""One pass: reads every account once, commits the readings, delivers the alerts.

Nothing here knows of browsers or of Slack: a `Source` reads, machines send `Reports`, and a
`Channel` delivers.
"""

from __future__ import annotations

import logging
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from cldmon import files
from cldmon.collector.lookups import start_lookups
from cldmon.collector.next_state import (
    PassResults,
    Settings,
    find_shared_organizations,
    merge_reports,
    next_state,
)
from cldmon.domain.freshness import build_views
from cldmon.domain.labels import select_labels
from cldmon.domain.model import Account, Failure, FailureKind, Snapshot
from cldmon.domain.ports import ReadRequest, ReadResult, normalize_uuid
from cldmon.errors import PassFailedError, StoreError
from cldmon.forecasts import compute_forecasts
from cldmon.notifications.outbox import Delivery, enqueue
from cldmon.notifications.rules import Audience
from cldmon.store.data_dir import pass_lock
from cldmon.store.history import History
from cldmon.store.state import DIRECT_MESSAGES, AccountState, State, StateCorruptError, StateFile
from cldmon.store.subscriptions import SubscriptionsFile

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.events import Event
    from cldmon.domain.freshness import Forecasts
    from cldmon.domain.ports import Lookup
    from cldmon.domain.reports import Report
    from cldmon.domain.secret import Secret
    from cldmon.notifications.channel import Channel
    from cldmon.store.state import Message

_log = logging.getLogger(__name__)

_ORGANIZATION_LIFE = timedelta(days=1)
_SKIPPED = Failure(FailureKind.CHALLENGED, "not asked in this pass")
"""Stands for an account that is left alone after a challenge; its state stays as it was."""


class Source(Protocol):
    """Reads accounts from the service."""

    def read(
        self, lookups: Mapping[str, Lookup], done: Callable[[str], None]
    ) -> Mapping[str, ReadResult | Failure]:
        """Return an answer or a failure for each label; `done` hears of each as it ends.

        An account is read once its own look-up has ended, even if others fail. A look-up
        that fails leaves no key to read with, so its failure is the account's.
        """


class Reports(Protocol):
    """What people's machines have reported of accounts. What cannot be used is a warning."""

    def read(self, labels: Collection[str], now: datetime) -> Mapping[str, Sequence[Report]]:
        """Return the reports of the accounts that have any; none is later than `now` (UTC)."""

    def clean_up(
        self, removed: Collection[str], configured: Collection[str], reporting: Collection[str]
    ) -> None:
        """Forget accounts that are no longer configured; see `ReportSource`."""


@dataclass(frozen=True, slots=True)
class Target:
    """An account of the configuration; `key` fetches its session key, or raises SecretError.

    `reports` says that a person's own machine reports it; then it may do without a key.
    """

    label: str
    key: Callable[[], Secret] | None
    organization: str | None = None
    reports: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a pass ended: the new snapshot, the labels it was to read, and what became of messages.

    `waiting` counts the messages that are still in the outbox.
    """

    snapshot: Snapshot
    labels: tuple[str, ...]
    events: tuple[Event, ...] = ()
    waiting: int = 0

    @property
    def failed(self) -> list[Account]:
        """The accounts that were to be read and could not be."""
        return [a for a in self.snapshot.accounts if a.label in self.labels and a.failure]

    @property
    def any_read(self) -> bool:
        """Whether at least one account could be read.

        One that waits for a report counts neither way.
        """
        at = self.snapshot.fetched_at
        views = build_views(self.snapshot, at) if at else ()
        waiting = [v.label for v in views if v.label in self.labels and v.awaits_report]
        return not self.failed or len(self.failed) < len(self.labels) - len(waiting)

    def raise_if_failed(self, *, strict: bool = False) -> None:
        """Raise `PassFailedError` if no account could be read; if `strict`, if any could not."""
        failed = len(self.failed)
        if failed and (strict or not self.any_read):
            raise PassFailedError(f"{failed} of {len(self.labels)} account(s) could not be read")


@dataclass(eq=False, repr=False)
class Collector:
    """Runs passes over a data_dir.

    `source` may be None if no account has a session key. `channels` deliver by name; that of direct
    messages is missing where Slack is off. `audience` says who gets what; its subscriptions are
    read again in each pass. `now` gives the UTC time.
    """

    data_dir: Path
    targets: Sequence[Target]
    source: Source | None
    channels: Mapping[str, Channel]
    _: KW_ONLY
    now: Callable[[], datetime]
    settings: Settings
    audience: Audience = field(default_factory=Audience)
    reports: Reports | None = None

    def __post_init__(self) -> None:
        self._state = StateFile(self.data_dir)
        self._history = History(self.data_dir)
        self._events = History(self.data_dir, "events")
        file = SubscriptionsFile(self.data_dir)
        self._subscriptions = files.FileCache(file.path, file.load)

    def run(
        self,
        labels: Collection[str] = (),
        *,
        notify: bool = True,
        by_hand: bool = False,
        done: Callable[[str], None] = lambda _label: None,
        begun: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """Make one pass over `labels` (none: every account) and return how it ended.

        Without `notify` the messages stay in the outbox for the next pass. `by_hand`, or with
        labels, accounts are asked that are left alone after a challenge. `done` is called for each
        account as it is dealt with, `begun` called once it is sure that no other pass runs.

        Raises `UsageError` for an unknown label, `BusyError` while another pass runs, `StoreError`
        where data_dir cannot be read or written.
        """
        known = {target.label: target for target in self.targets}
        targets = [known[label] for label in select_labels(labels, [*known])]
        files.create_private_dir(self.data_dir)
        with pass_lock(self.data_dir):
            begun()
            started = self.now()
            before = self._recover(started)
            self._clean_up_reports(before)
            results = self._read(targets, before, done, insist=by_hand or bool(labels))
            state, events = self._commit(before, results, started)
            self._prune()
            if notify:
                state = Delivery(
                    state,
                    self.channels,
                    is_wanted=self._is_wanted,
                    now=self.now,
                    save=self._state.save,
                ).run()
        return Outcome(
            state.snapshot, tuple(t.label for t in targets), events, waiting=len(state.outbox)
        )

    def _recover(self, now: datetime) -> State:
        """Return the state, after completing what a killed pass left undone."""
        try:
            state = self._state.load()
        except StateCorruptError as error:
            aside = self._state.set_aside(now)
            _log.warning("%s; it is kept as %s, and a new one begins", error, aside)
            return State()
        self._append_lines(state)
        last = state.snapshot.fetched_at
        if last and last > now:
            local = last.astimezone()
            _log.warning(
                "the clock was set back: the last pass was at %s", f"{local:%Y-%m-%d %H:%M:%S %Z}"
            )
        return state

    def _read(
        self,
        targets: Sequence[Target],
        state: State,
        done: Callable[[str], None],
        *,
        insist: bool,
    ) -> PassResults:
        requests, interval = {}, self.settings.interval
        reporting = [target.label for target in targets if target.reports]
        reports = self.reports.read(reporting, self.now()) if self.reports and reporting else {}
        for target in targets:
            account = state.account_states.get(target.label, AccountState())
            is_fresh = any(
                self.now() - report.read_at < interval for report in reports.get(target.label, ())
            )
            if target.key is None or is_fresh or account.is_backing_off(self.now()):
                done(target.label)
            else:
                requests[target.label] = partial(
                    self._build_request, target, target.key, account, insist=insist
                )
        lookups = start_lookups(requests)
        read = self.source.read(lookups, done) if lookups and self.source else {}
        asked = {label: lookup.result() for label, lookup in lookups.items()}
        unread = {
            label: found
            for label, found in reports.items()
            if not isinstance(read.get(label), ReadResult)
        }
        return PassResults(
            {label: result for label, result in read.items() if result is not _SKIPPED},
            {
                label: request.key.fingerprint()
                for label, request in asked.items()
                if isinstance(request, ReadRequest)
            },
            {label for label, result in read.items() if result is _SKIPPED},
            merge_reports(unread, state, self.now(), interval),
        )

    def _clean_up_reports(self, before: State) -> None:
        if self.reports:
            configured = [target.label for target in self.targets]
            removed = before.account_states.keys() - configured
            reporting = [target.label for target in self.targets if target.reports]
            self.reports.clean_up(removed, configured, reporting)

    def _build_request(
        self, target: Target, look_up: Callable[[], Secret], account: AccountState, *, insist: bool
    ) -> ReadRequest | Failure:
        """Return what to ask, or that nothing is asked now; raises SecretError without a key."""
        key, now = look_up(), self.now()
        if not insist and account.passes_to_skip > 0 and _is_key(account, key):
            return _SKIPPED
        known, known_at = account.organization, account.organization_at
        # It is looked up again once a day, since the plan may change, and for another key.
        is_current = (
            known is not None
            and known_at is not None
            and _is_key(account, key)
            and (
                target.organization is None
                or normalize_uuid(target.organization) == known.normalized_uuid
            )
            and timedelta(0) <= now - known_at < _ORGANIZATION_LIFE
        )
        return ReadRequest(
            target.label,
            key,
            target.organization,
            known if is_current else None,
            saved_resets=not account.refuses_saved_resets(now),
        )

    def _commit(
        self, before: State, results: PassResults, started: datetime
    ) -> tuple[State, tuple[Event, ...]]:
        """Save the results: state.json first, then its lines."""
        now = self.now()
        labels = [target.label for target in self.targets]
        audience = self._load_audience()
        after, events = next_state(
            before,
            labels,
            results,
            started=started,
            now=now,
            settings=self.settings,
            audience=audience,
            forecasts=self._compute_forecasts(results, now),
            reports_only=[target.label for target in self.targets if target.key is None],
        )
        for one, other in find_shared_organizations(before, after):
            _log.warning("%s and %s are one organization: they show the same usage", one, other)
        state = enqueue(after, events, audience, now)
        if dropped := state.waiting.dropped - after.waiting.dropped:
            _log.warning("%d message(s) dropped: too old, or too many were waiting", dropped)
        self._state.save(state)
        self._append_lines(state)
        return state, events

    def _append_lines(self, state: State) -> None:
        """Append the lines of the last pass, unless they are there already."""
        if state.history_line:
            self._history.ensure(state.history_line)
        self._events.ensure(*state.event_lines)

    def _load_audience(self) -> Audience:
        """Return who gets what now, without subscriptions where they cannot be read."""
        audience = replace(self.audience, people=DIRECT_MESSAGES in self.channels)
        try:
            subscriptions = self._subscriptions.value()
        except StoreError as error:
            # The readings matter more: they are committed, and the messages wait.
            _log.warning("%s", error)
            return replace(audience, subscriptions=None)
        for problem in subscriptions.problems:
            _log.warning("%s: %s", self._subscriptions.path, problem)
        return replace(audience, subscriptions=subscriptions)

    def _compute_forecasts(self, results: PassResults, now: datetime) -> Forecasts:
        accounts = [Account(label, reading) for label, reading in results.readings.items()]
        try:
            return compute_forecasts(
                self.data_dir, Snapshot(now, tuple(accounts), self.settings.interval), now
            )
        except StoreError as error:
            _log.warning("no forecasts: %s", error)
            return {}

    def _prune(self) -> None:
        for log in (self._history, self._events):
            try:
                log.prune(self.settings.keep_days, self.now().date())
            except StoreError as error:
                _log.warning("%s", error)

    def _is_wanted(self, message: Message) -> bool | None:
        """Return whether a person still wants a message; None if it has to wait."""
        if message.user is None:
            return True
        try:
            audience = replace(self.audience, subscriptions=self._subscriptions.value())
        except StoreError:
            return None  # the pass has said so, or the next one will
        if audience.is_quiet(message.user, self.now()):
            return None
        return audience.for_person(message.event, message.user) is not None


def _is_key(account: AccountState, key: Secret) -> bool:
    """Return whether an account was last read with this key."""
    return account.key is not None and account.key.fingerprint == key.fingerprint()
