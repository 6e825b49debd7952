"""The results of sending messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

LONGEST_WAIT = timedelta(hours=1)
"""A message that has waited longer is stuck."""


class DeliveryStatus(StrEnum):
    """Whether a message arrived, and whether to send it again.

    DELIVERED: it arrived. GONE: this person can't be reached any more; drop it. LATER: it did not
    arrive; keep it. UNSURE: it was sent but there was no response, so it may have arrived.
    """

    DELIVERED = "delivered"
    GONE = "gone"
    LATER = "later"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The result of sending one message, the reason, and whether others can be sent for now.

    `halt`: other messages would fail in the same way (token refused, service down, rate limited).
    `retry_after` is how long the service asked us to wait.
    """

    status: DeliveryStatus
    reason: str = ""
    halt: bool = False
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages are waiting, since when (UTC), and how many were ever dropped.

    `since` is None if none is waiting.
    """

    count: int = 0
    since: datetime | None = None
    dropped: int = 0

    def age(self, now: datetime) -> timedelta:
        """Return how long the oldest has waited at `now` (UTC)."""
        return max(now - self.since, timedelta(0)) if self.since else timedelta(0)
