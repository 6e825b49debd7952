"""Slack as channels of alerts: direct messages, and posts to a channel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cldmon.channels.slack.messages import build_alert
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from cldmon.channels.slack.client import SlackMessenger
    from cldmon.domain.events import Event

MAX_EVENTS = 8
"""Events in one message: at most six blocks each, of the fifty that Slack allows."""

TIME_LIMIT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class DirectMessages:
    """Alerts as direct messages; `link` is the dashboard's address, if it is known."""

    messenger: SlackMessenger
    now: Callable[[], datetime]
    link: str | None = None
    max_events: int = MAX_EVENTS
    time_limit: timedelta = TIME_LIMIT

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        """Send events to a Slack user."""
        return self.messenger.send(user or "", build_alert(events, self.now(), self.link))


@dataclass(frozen=True, slots=True)
class ChannelPosts:
    """Alerts as posts to the Slack channel `channel_id`."""

    messenger: SlackMessenger
    channel_id: str
    now: Callable[[], datetime]
    link: str | None = None
    max_events: int = MAX_EVENTS
    time_limit: timedelta = TIME_LIMIT

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        """Post events. If the channel is gone they wait until the configuration names another."""
        result = self.messenger.post(self.channel_id, build_alert(events, self.now(), self.link))
        if result.status is not DeliveryStatus.GONE:
            return result
        reason = f"the Slack channel {self.channel_id} {result.reason}: name another in the config"
        return replace(result, status=DeliveryStatus.LATER, reason=reason, halt=True)
