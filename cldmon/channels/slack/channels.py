"""Slack as channels of alerts: direct messages, and posts to a channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cldmon.channels.slack.messages import build_alert

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from cldmon.channels.slack.client import SlackMessenger
    from cldmon.domain.delivery import DeliveryResult
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
        """Post events. If they cannot be posted there, they wait until that is fixed."""
        return self.messenger.post_message(
            self.channel_id, build_alert(events, self.now(), self.link)
        )
