"""The messages that wait to be delivered: who gets them, and what becomes of them."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import wait
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import timedelta
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.events import EventKind
from cldmon.errors import StoreError
from cldmon.notifications.rules import is_over, release
from cldmon.notifications.wording import JOINED_EVENTS
from cldmon.store.state import DIRECT_MESSAGES, DROPPED, Message, State
from cldmon.threads import start_or_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from cldmon.domain.events import Event
    from cldmon.notifications.channel import Channel
    from cldmon.notifications.rules import Audience

LONGEST = 1_000
"""Messages that are kept for one channel; beyond it the oldest are dropped."""

LIFE = timedelta(days=7)
"""How long a message is tried: an older one is no news."""

_MAX_UNSURE = 4
_FIRST_PAUSE = timedelta(minutes=10)

_log = logging.getLogger(__name__)


def enqueue(state: State, events: Iterable[Event], audience: Audience, now: datetime) -> State:
    """Return the state with the messages to deliver now; those too old or too many dropped.

    Messages that nobody wants any more are left out, and so is what was over before it was known.
    Messages to a person with quiet hours are held, and when those end only what is still true is
    released. Where subscriptions cannot be read, a message to people waits without a recipient.
    """
    fresh = [message for message in state.outbox if now - message.event.at <= LIFE]
    addressed = [m for message in fresh for m in _readdress(message, audience)]
    addressed += [m for e in events if not is_over(e, now) for m in audience.address(e)]
    released = _hold_for_quiet_hours(addressed, audience, state, now)
    kept = _drop_oldest(released)
    dropped = len(state.outbox) - len(fresh) + len(released) - len(kept)
    return _count(replace(state, outbox=tuple(kept)), DROPPED, dropped)


def _readdress(message: Message, audience: Audience) -> Iterator[Message]:
    """Yield a waiting message for its recipient, or its recipients if it had none yet."""
    if message.channel is None:
        yield from audience.address_people(message.event)
    elif message.channel == DIRECT_MESSAGES:
        if audience.subscriptions is None or audience.for_person(message.event, message.user or ""):
            yield message
    elif any(rule.name == message.channel for rule in audience.channels):
        yield message


def _hold_for_quiet_hours(
    messages: Sequence[Message], audience: Audience, state: State, now: datetime
) -> list[Message]:
    if audience.subscriptions is None:
        return list(messages)  # whether somebody has quiet hours is not known either
    quiet = {m.user: m.user is not None and audience.is_quiet(m.user, now) for m in messages}
    ended: dict[str | None, list[Message]] = {}
    for message in messages:
        if message.held and not quiet[message.user]:
            ended.setdefault(message.user, []).append(message)
    true = {id(message) for theirs in ended.values() for message in release(theirs, state, now)}
    return [
        replace(message, held=quiet[message.user])
        for message in messages
        if quiet[message.user] or not message.held or id(message) in true
    ]


def _drop_oldest(messages: Sequence[Message]) -> list[Message]:
    """Return the newest messages of each channel, in their order."""
    room: Counter[str | None] = Counter()
    kept = []
    for message in reversed(messages):
        room[message.channel] += 1
        if room[message.channel] <= LONGEST:
            kept.append(message)
    return kept[::-1]


@dataclass(eq=False, repr=False)
class Delivery:
    """Sends the messages of an outbox, each channel in a thread of its own.

    What becomes of each message is saved before the next is sent on that channel, so that no crash
    sends the rest again. `is_wanted` looks up whether a person still wants a message just before
    it is sent: a slow service leaves time to unsubscribe. Where it cannot tell, or the person is
    not to be disturbed meanwhile (None), the message waits.
    """

    state: State
    channels: Mapping[str, Channel]
    _: KW_ONLY
    is_wanted: Callable[[Message], bool | None]
    now: Callable[[], datetime]
    save: Callable[[State], None]
    _lock: Lock = field(default_factory=Lock, init=False)

    def run(self) -> State:
        """Send what can be sent now, oldest first, and return the state that is left.

        Raises StoreError where the state cannot be saved.
        """
        waiting: dict[str, list[Message]] = {}
        for message in self.state.outbox:
            name = message.channel
            if name is not None and name in self.channels and not message.held:
                waiting.setdefault(name, []).append(message)
        begun = self.now()
        ready = [name for name in waiting if not self.state.is_backing_off(name, begun)]
        threads = [
            start_or_run(partial(self._deliver, name, waiting[name], begun)) for name in ready[1:]
        ]
        try:
            for name in ready[:1]:
                self._deliver(name, waiting[name], begun)
        except StoreError:
            wait(threads)  # none may save its state once the pass has ended and another may begin
            raise
        wait(threads)
        for thread in threads:
            thread.result()
        return self.state

    def _deliver(self, name: str, messages: Sequence[Message], begun: datetime) -> None:
        channel = self.channels[name]
        for user, group in _iter_batches(messages, channel.max_events):
            # A clock that is set back meanwhile gives no more time.
            if not timedelta(0) <= self.now() - begun < channel.time_limit:
                count = sum(message.channel == name for message in self.state.outbox)
                service = "Slack" if user else f"channel {name}"
                _log.warning("%s is slow: %d message(s) wait for the next pass", service, count)
                return
            wants = [self.is_wanted(message) for message in group]
            if None in wants:
                continue
            unwanted = [m for m, is_wanted in zip(group, wants, strict=True) if not is_wanted]
            self._update(partial(State.without, messages=unwanted))
            wanted = [message for message in group if message not in unwanted]
            if wanted and not self._send(name, channel, user, wanted):
                return

    def _send(
        self, name: str, channel: Channel, user: str | None, messages: Sequence[Message]
    ) -> bool:
        """Send one message and save what became of it; return whether others can follow."""
        try:
            result = channel.send(user, [message.event for message in messages])
        except Exception as error:
            _log.debug("unexpected:", exc_info=error)
            result = DeliveryResult(DeliveryStatus.UNSURE, f"unexpected {type(error).__name__}")
        self._update(lambda state: apply_result(state, messages, result, self.now()))
        if result.status is not DeliveryStatus.DELIVERED:
            recipient = f"Slack message to {user}" if user else f"channel {name}"
            _log.warning("%s: %s", recipient, _describe(messages[0], result))
        return not result.halt

    def _update(self, change: Callable[[State], State]) -> None:
        with self._lock:
            state = change(self.state)
            if state != self.state:
                self.save(state)
                self.state = state


def _iter_batches(
    messages: Sequence[Message], max_events: int
) -> Iterator[tuple[str | None, list[Message]]]:
    """Yield the messages for each recipient, so many events at a time, oldest recipient first.

    A digest is a message of its own. Accounts that fail for one reason, or recover, count as one
    event. Messages that may have arrived before are not mixed with new ones.
    """
    by_recipient: dict[tuple[str | None, int], dict[object, list[Message]]] = {}
    for number, message in enumerate(messages):
        event = message.event
        if event.kind is EventKind.DIGEST:
            yield message.user, [message]
            continue
        is_joined = max_events > 1 and event.kind in JOINED_EVENTS
        group: object = (event.kind, event.reason) if is_joined else number
        groups = by_recipient.setdefault((message.user, message.unsure), {})
        groups.setdefault(group, []).append(message)
    for (user, _), groups in by_recipient.items():
        joined = list(groups.values())
        for start in range(0, len(joined), max_events):
            yield user, [m for group in joined[start : start + max_events] for m in group]


def apply_result(
    state: State, messages: Sequence[Message], result: DeliveryResult, now: datetime
) -> State:
    """Return the state after one attempt to deliver messages of one recipient together.

    One that may have arrived is tried again: an alert that is lost costs more than one that comes
    twice. But not for ever, and with longer and longer pauses, which outlast a service that hangs.
    """
    first, channel = messages[0], messages[0].channel or ""
    retry_at = {name: at for name, at in state.channel_retry_at.items() if name != channel}
    if pause := result.retry_after or _pause(first, result):
        retry_at[channel] = now + pause
    state = replace(state, channel_retry_at=retry_at)
    if result.status is DeliveryStatus.DELIVERED:
        for message in messages:
            state = _count(state, f"alertsSent.{message.event.kind}.{channel}", 1)
        return state.without(messages)
    if result.status is DeliveryStatus.GONE or _is_given_up(first, result):
        return _count(state.without(messages), DROPPED, len(messages))
    if result.status is DeliveryStatus.UNSURE:
        tried = [replace(m, unsure=m.unsure + 1) if m in messages else m for m in state.outbox]
        return replace(state, outbox=tuple(tried))
    return state


def _pause(message: Message, result: DeliveryResult) -> timedelta | None:
    """Return how long to leave a channel alone that gave no answer; after the first, not at all."""
    if result.status is not DeliveryStatus.UNSURE or message.unsure == 0:
        return None
    return _FIRST_PAUSE * (1 << message.unsure)


def _is_given_up(message: Message, result: DeliveryResult) -> bool:
    return result.status is DeliveryStatus.UNSURE and message.unsure + 1 >= _MAX_UNSURE


def _describe(message: Message, result: DeliveryResult) -> str:
    if result.status is DeliveryStatus.GONE:
        return f"{result.reason}; dropped"
    if _is_given_up(message, result):
        return f"{result.reason}; dropped after {_MAX_UNSURE} attempts, it may have arrived"
    return f"{result.reason}; will retry"


def _count(state: State, name: str, by: int) -> State:
    if not by:
        return state
    return replace(state, counters=dict(Counter(state.counters) + Counter({name: by})))
