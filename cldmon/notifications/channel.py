"""What a channel is: a way for events to reach people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from cldmon.domain.delivery import DeliveryResult
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
