"""The messages that are owed: who gets them, and what becomes of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.errors import StoreError
from cldmon.store.state import DROPPED, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from cldmon.domain.events import Event
    from cldmon.domain.subscriptions import Subscriptions
    from cldmon.store.state import State

LONGEST = 1_000
"""Messages that are kept; beyond it the oldest are dropped."""

LIFE = timedelta(days=7)
"""How long a message is tried: an older one is news no more."""

LONGEST_DELIVERY = timedelta(minutes=1)
"""No message is begun later than this in a pass: a slow Slack keeps no reading waiting for long."""

_MOST_UNSURE = 4
_FIRST_PAUSE = timedelta(minutes=10)


class Notifier(Protocol):
    """Tells one person of one event."""

    def send_alert(self, user: str, event: Event) -> DeliveryResult:
        """Send one message and return what became of it; never raises for a sick service."""


@dataclass(frozen=True, slots=True)
class NullNotifier:
    """A notifier that cannot speak, for want of a token, and keeps every message."""

    reason: str

    def send_alert(self, user: str, event: Event) -> DeliveryResult:
        """Return why this message, and any other, has to wait."""
        return DeliveryResult(DeliveryStatus.LATER, self.reason, halt=True)


def enqueue(
    state: State,
    events: Iterable[Event],
    subscriptions: Subscriptions | None,
    now: datetime,
) -> State:
    """Return the state with the messages that are owed now; those too old or too many dropped.

    Those that nobody wants any more are left out. Where `subscriptions` is None (they cannot be
    read) a message waits for its readers' names.
    """
    owed = [*state.outbox, *(Message(event, None) for event in events)]
    fresh = [message for message in owed if now - message.event.at <= LIFE]
    addressed = [m for message in fresh for m in _addressed(message, subscriptions)]
    kept = addressed[-LONGEST:]
    dropped = len(owed) - len(fresh) + len(addressed) - len(kept)
    return _count(replace(state, outbox=tuple(kept)), DROPPED, dropped)


def deliver(
    state: State,
    notifier: Notifier,
    *,
    subscriptions: Callable[[], Subscriptions],
    now: Callable[[], datetime],
    save: Callable[[State], None],
    warn: Callable[[str], None],
) -> State:
    """Send what is owed, oldest first, and return the state that is left.

    Each delivery is saved before the next is tried, so that no crash sends the rest again. What
    cannot be begun within `LONGEST_DELIVERY` waits for the next pass.

    Whether its reader still wants a message is looked up just before it is sent: a slow Slack
    leaves time to unsubscribe. Where `subscriptions` raises StoreError the messages wait.
    """
    begun = now()
    if state.is_slack_backing_off(begun):
        return state
    for message in state.outbox:
        if message.user is None:
            continue
        # A clock that is set back meanwhile gives no more time.
        if not timedelta(0) <= now() - begun < LONGEST_DELIVERY:
            warn(f"Slack is slow: {len(state.outbox)} message(s) wait for the next pass")
            break
        try:
            is_wanted = _is_wanted(message.user, message.event, subscriptions())
        except StoreError:
            break  # the pass has said so, or the next one will
        if not is_wanted:
            state = state.without(message)
            save(state)
            continue
        receipt = notifier.send_alert(message.user, message.event)
        settled = apply_result(state, message, receipt, now())
        if settled != state:
            save(settled)
            state = settled
        if receipt.fate is not DeliveryStatus.DELIVERED:
            warn(f"Slack message to {message.user}: {_verdict(message, receipt)}")
        if receipt.halt:
            break
    return state


def apply_result(state: State, message: Message, receipt: DeliveryResult, now: datetime) -> State:
    """Return the state after one attempt to deliver a message.

    One that may have arrived is tried again: an alert that is lost costs more than one that comes
    twice. But not for ever, and with longer and longer pauses, which outlast a Slack that hangs.
    """
    pause = receipt.retry_after or _pause(message, receipt)
    state = replace(state, slack_retry_at=now + pause if pause else None)
    if receipt.fate is DeliveryStatus.DELIVERED:
        return _count(state.without(message), f"alertsSent.{message.event.kind}", 1)
    if receipt.fate is DeliveryStatus.GONE or _given_up(message, receipt):
        return _count(state.without(message), DROPPED, 1)
    if receipt.fate is DeliveryStatus.UNSURE:
        again = replace(message, unsure=message.unsure + 1)
        return replace(state, outbox=tuple(again if m is message else m for m in state.outbox))
    return state


def _addressed(message: Message, subscriptions: Subscriptions | None) -> Iterator[Message]:
    if subscriptions is None:
        yield message
        return
    if message.user is not None:
        if _is_wanted(message.user, message.event, subscriptions):
            yield message
        return
    for user in subscriptions.recipients(message.event):
        yield replace(message, user=user)


def _is_wanted(user: str, event: Event, subscriptions: Subscriptions) -> bool:
    return subscriptions.of(user, event.label).wants(event.kind)


def _pause(message: Message, receipt: DeliveryResult) -> timedelta | None:
    """Return how long to leave Slack alone after it gave no answer; after the first, not at all."""
    if receipt.fate is not DeliveryStatus.UNSURE or message.unsure == 0:
        return None
    return _FIRST_PAUSE * (1 << message.unsure)


def _given_up(message: Message, receipt: DeliveryResult) -> bool:
    return receipt.fate is DeliveryStatus.UNSURE and message.unsure + 1 >= _MOST_UNSURE


def _verdict(message: Message, receipt: DeliveryResult) -> str:
    if receipt.fate is DeliveryStatus.GONE:
        return f"{receipt.reason}; dropped"
    if _given_up(message, receipt):
        return f"{receipt.reason}; given up after {_MOST_UNSURE} attempts, it may have arrived"
    return f"{receipt.reason}; tried again later"


def _count(state: State, name: str, by: int) -> State:
    if not by:
        return state
    return replace(state, counters=dict(Counter(state.counters) + Counter({name: by})))
