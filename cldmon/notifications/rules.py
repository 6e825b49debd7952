"""Who gets an event, and when. Pure.

Source: contract, "Alerts" and "Delivery".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cldmon.domain.events import Event, EventKind
from cldmon.domain.subscriptions import Subscription, Subscriptions, find_zone
from cldmon.domain.windows import FULL
from cldmon.store.state import DIRECT_MESSAGES, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from datetime import datetime, tzinfo

    from cldmon.store.state import State

DEFAULT_EVENTS = frozenset(
    {
        EventKind.LIMIT_HIT,
        EventKind.USAGE_RESET,
        EventKind.ACCOUNT_FAILED,
        EventKind.ACCOUNT_RECOVERED,
    }
)
"""What a channel gets that lists no events."""

OWNER_EVENTS = frozenset(
    {
        EventKind.KEY_EXPIRING,
        EventKind.ACCOUNT_FAILED,
        EventKind.ACCOUNT_RECOVERED,
        EventKind.SAVED_RESET_ENDING,
    }
)
"""What the owner of an account gets without a subscription."""


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """Which events one configured channel gets; `accounts` None means all accounts."""

    name: str
    events: Collection[EventKind] = DEFAULT_EVENTS
    accounts: Collection[str] | None = None
    thresholds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Audience:
    """Everybody who may get alerts.

    `subscriptions` is None where they cannot be read. `people` says whether people get direct
    messages: Slack is on. `owners` maps account labels to Slack ids; `timezone` returns the zone of
    a user's Slack profile, None for the server's.
    """

    subscriptions: Subscriptions | None = field(default_factory=Subscriptions)
    people: bool = True
    channels: tuple[ChannelRule, ...] = ()
    owners: Mapping[str, str] = field(default_factory=dict)
    timezone: Callable[[str], tzinfo | None] = lambda _user: None

    def thresholds(self, label: str) -> Collection[int]:
        """Return the thresholds that anybody has chosen for an account: all if nobody knows."""
        if self.subscriptions is None:
            return range(1, FULL)
        channels = [rule.thresholds for rule in self.channels if _covers(rule, label)]
        people = [each.thresholds for each in self.subscriptions.by_label.get(label, {}).values()]
        return {n for thresholds in (*channels, *people) for n in thresholds}

    def address(self, event: Event) -> Iterator[Message]:
        """Yield a message for each recipient of an event.

        Where subscriptions cannot be read, the last one has no recipient yet.
        """
        for rule in self.channels:
            if tailored := _tailor_for_channel(event, rule):
                yield Message(tailored, rule.name)
        if self.people:
            yield from self.address_people(event)

    def address_people(self, event: Event) -> Iterator[Message]:
        """Yield a message for each person who gets an event."""
        if self.subscriptions is None:
            yield Message(event, None)
            return
        users = dict.fromkeys(self.subscriptions.by_label.get(event.label, {}))
        if owner := self.owners.get(event.label):
            users[owner] = None
        for user in users:
            if tailored := self.for_person(event, user):
                yield Message(tailored, DIRECT_MESSAGES, user)

    def for_person(self, event: Event, user: str) -> Event | None:
        """Return the event as a person gets it, None if they do not want it."""
        if event.kind in OWNER_EVENTS and self.owners.get(event.label) == user:
            return event
        subscriptions = self.subscriptions or Subscriptions()
        return _tailor_for_subscription(event, subscriptions.of(user, event.label))

    def is_quiet(self, user: str, now: datetime) -> bool:
        """Return whether a person is not to be disturbed at `now` (UTC)."""
        if self.subscriptions is None:
            return False
        paused_until = self.subscriptions.paused_until.get(user)
        if paused_until and now < paused_until:
            return True
        quiet = self.subscriptions.quiet.get(user)
        if quiet is None:
            return False
        zone = find_zone(quiet.timezone) if quiet.timezone else self.timezone(user)
        return quiet.contain(now, zone)


def _covers(rule: ChannelRule, label: str) -> bool:
    return rule.accounts is None or label in rule.accounts


def _tailor_for_channel(event: Event, rule: ChannelRule) -> Event | None:
    if not _covers(rule, event.label):
        return None
    if event.kind is EventKind.THRESHOLD:
        return _choose_threshold(event, rule.thresholds)
    return event if event.kind in rule.events else None


def _tailor_for_subscription(event: Event, subscription: Subscription) -> Event | None:
    windows = subscription.windows
    if event.window is not None and windows is not None and event.window not in windows:
        return None
    if event.kind is EventKind.THRESHOLD:
        return _choose_threshold(event, subscription.thresholds)
    wants = {
        EventKind.LIMIT_HIT: subscription.limit_hit,
        EventKind.USAGE_RESET: subscription.reset,
        EventKind.RUN_OUT: subscription.run_out,
        EventKind.LIMIT_CHANGED: subscription.changes,
        EventKind.SAVED_RESET_ENDING: subscription.changes,
    }
    return event if wants.get(event.kind) else None


def _choose_threshold(event: Event, thresholds: Collection[int]) -> Event | None:
    """Return the event of the highest threshold of one recipient that was crossed."""
    crossed = [n for n in event.thresholds if n in thresholds]
    return replace(event, thresholds=(max(crossed),)) if crossed else None


def release(held: Iterable[Message], state: State, now: datetime) -> list[Message]:
    """Return the messages held for one person over their quiet hours that are still true.

    A limit that was hit and has reset meanwhile is not worth a message, nor is an account that
    failed and recovered.
    """
    kept: list[Message] = []
    for message in held:
        event = message.event
        opposite = _OPPOSITES.get(event.kind), event.label, event.window
        start = next(
            (m for m in kept if (m.event.kind, m.event.label, m.event.window) == opposite), None
        )
        if start:
            kept.remove(start)
        else:
            kept.append(message)
    # Of what has happened twice only the last is still true.
    latest = {_build_subject(message.event): message for message in kept}
    return [
        message
        for message in kept
        if latest[_build_subject(message.event)] is message
        and _is_still_true(message.event, state, now)
    ]


def is_over(event: Event, now: datetime) -> bool:
    """Return whether what a new event says has ended before it was known: a report came late."""
    ends_at = event.resets_at if event.kind in _OF_A_RUNNING_WINDOW else None
    return ends_at is not None and event.at < ends_at <= now


_OF_A_RUNNING_WINDOW = frozenset(
    {EventKind.LIMIT_HIT, EventKind.THRESHOLD, EventKind.RUN_OUT, EventKind.LIMIT_CHANGED}
)

_OPPOSITES = {
    EventKind.USAGE_RESET: EventKind.LIMIT_HIT,
    EventKind.ACCOUNT_RECOVERED: EventKind.ACCOUNT_FAILED,
}


def _build_subject(event: Event) -> object:
    """Return what an event says to be the case; each change or end is a case of its own."""
    one_of_many = (event.at, event.resets_at) if event.kind in _CHANGES else None
    return event.kind, event.label, event.window, event.thresholds, one_of_many


_CHANGES = frozenset({EventKind.LIMIT_CHANGED, EventKind.SAVED_RESET_ENDING})


def _is_still_true(event: Event, state: State, now: datetime) -> bool:
    account = state.account_states.get(event.label)
    if account is None:
        return False
    alerts = account.alerts.get(event.window or "")
    percent = alerts.confirmed.utilization if alerts else 0
    is_known = alerts is None or not alerts.confirmed.has_reset(_find_read_at(event, state), now)
    match event.kind:
        case EventKind.LIMIT_HIT:
            return is_known and percent >= FULL
        case EventKind.USAGE_RESET:
            return percent < FULL
        case EventKind.THRESHOLD:
            return is_known and percent >= (event.threshold or 0)
        case EventKind.RUN_OUT:
            return percent < FULL and (event.resets_at is None or event.resets_at > now)
        case EventKind.LIMIT_CHANGED | EventKind.SAVED_RESET_ENDING:
            return event.resets_at is None or event.resets_at > now
        case EventKind.KEY_EXPIRING:
            return account.key is not None and account.key.warned_days == event.days
        case EventKind.ACCOUNT_FAILED:
            return account.outage is not None and account.outage.reported
        case EventKind.ACCOUNT_RECOVERED:
            return account.outage is None or not account.outage.reported
        case EventKind.TEST | EventKind.DIGEST:
            return True


def _find_read_at(event: Event, state: State) -> datetime:
    """Return when the window of an event was last read (UTC); if it is gone, the event's time."""
    for account in state.snapshot.accounts:
        reading = account.reading
        if account.label == event.label and reading and event.window in reading.windows:
            return reading.taken_at
    return event.at
