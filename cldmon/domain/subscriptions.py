"""Who wants which alerts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cldmon.domain.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cldmon.domain.events import Event


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which alerts of one account one Slack user wants."""

    limit_hit: bool = False
    reset: bool = False

    def wants(self, kind: EventKind) -> bool:
        """Return whether this user is to hear of such an event."""
        return self.limit_hit if kind is EventKind.LIMIT_HIT else self.reset


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Every user's settings: Slack user id → account label → settings."""

    users: Mapping[str, Mapping[str, Subscription]] = field(default_factory=dict)

    def of(self, user: str, label: str) -> Subscription:
        """Return one user's settings for one account; both alerts are off by default."""
        return self.users.get(user, {}).get(label, Subscription())

    def recipients(self, event: Event) -> list[str]:
        """Return the Slack ids that asked to be told of this event."""
        return [u for u in self.users if self.of(u, event.label).wants(event.kind)]
