"""What a channel is: a way for events to reach people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from cldmon.domain.delivery import DeliveryResult, DeliveryStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cldmon.domain.events import Event


class Channel(Protocol):
    """Delivers events. Each channel of a pass runs in a thread of its own."""

    @property
    def max_events(self) -> int:
        """How many events one message may hold."""

    @property
    def time_limit(self) -> timedelta:
        """How long after the start of the deliveries of a pass a message may still begin."""

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        """Send events as one message, to a Slack id for direct messages; at most once.

        Never raises for a service that fails.
        """


@dataclass(frozen=True, slots=True)
class BrokenChannel:
    """A channel that cannot be used, for `reason` (no token, a missing package): messages wait."""

    reason: str
    max_events: int = 1
    time_limit: timedelta = timedelta(minutes=1)

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        """Return why this message, and any other, has to wait."""
        return DeliveryResult(DeliveryStatus.LATER, self.reason, halt=True)
