"""Slack as channels of alerts: direct messages, and posts to a channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from cldmon.channels.slack.messages import MAX_EVENTS, build_alert

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from cldmon.channels.slack.client import SlackMessenger
    from cldmon.domain.delivery import DeliveryResult
    from cldmon.domain.events import Event


@dataclass(frozen=True, slots=True)
class SlackAlerts:
    """Alerts as direct messages or, with a `channel_id`, as posts to that Slack channel.

    `link` is the dashboard's address, if it is known.
    """

    max_events: ClassVar = MAX_EVENTS
    time_limit: ClassVar = timedelta(minutes=1)

    messenger: SlackMessenger
    now: Callable[[], datetime]
    link: str | None
    channel_id: str | None = None

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        """Send events. If they cannot be posted to the channel, they wait until that is fixed."""
        message = build_alert(events, self.now(), self.link)
        if self.channel_id:
            return self.messenger.post_message(self.channel_id, message)
        return self.messenger.send(user or "", message)
