"""What became of a message that was handed to a messenger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

LONGEST_WAIT = timedelta(hours=1)
"""A message that waits longer for Slack is stuck."""


class DeliveryStatus(StrEnum):
    """Whether a message arrived, and whether to try it again.

    DELIVERED: it arrived. GONE: this person can't be reached any more, so drop it. LATER: it
    surely did not arrive; keep it. UNSURE: it was sent but no answer came, so it may have arrived.
    """

    DELIVERED = "delivered"
    GONE = "gone"
    LATER = "later"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What became of one message, why, and whether anything else can be sent for now.

    `halt` says that the next message would meet the same (token refused, service down, rate
    limited); `retry_after` is how long the service asked to be left alone.
    """

    status: DeliveryStatus
    reason: str = ""
    halt: bool = False
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages wait, since when the oldest of them (UTC), and how many were ever dropped.

    `since` is None where none waits.
    """

    count: int = 0
    since: datetime | None = None
    dropped: int = 0

    def age(self, now: datetime) -> timedelta:
        """Return how long the oldest has waited at `now` (UTC)."""
        return max(now - self.since, timedelta(0)) if self.since else timedelta(0)
