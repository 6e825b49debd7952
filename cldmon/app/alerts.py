"""From a configuration to the channels that deliver alerts, and to who gets which."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from cldmon.channels.slack.channels import MAX_EVENTS, TIME_LIMIT
from cldmon.errors import CldmonError
from cldmon.notifications.channel import BrokenChannel
from cldmon.notifications.rules import Audience
from cldmon.store.state import DIRECT_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from cldmon.app.app import App
    from cldmon.domain.delivery import DeliveryResult
    from cldmon.domain.events import Event
    from cldmon.notifications.channel import Channel


def build_channels(app: App) -> dict[str, Channel]:
    """Return the channels of the configuration by name; direct messages where Slack is on."""
    channels: dict[str, Channel] = {}
    if app.config.notifications.slack.enabled:
        channels[DIRECT_MESSAGES] = LazyChannel(
            lambda: _direct_messages(app), MAX_EVENTS, TIME_LIMIT
        )
    return channels


def build_audience(app: App) -> Audience:
    """Return who gets which alerts, apart from subscriptions."""
    return Audience()


def _direct_messages(app: App) -> Channel:
    from cldmon.channels.slack.channels import DirectMessages

    return DirectMessages(app.messenger(app.config), app.now, app.config.public_url)


class LazyChannel:
    """A channel that is built for the first alert: its secrets are read after all readings.

    Where they cannot be read, alerts wait.
    """

    def __init__(
        self, build: Callable[[], Channel], max_events: int, time_limit: timedelta
    ) -> None:
        self._build = build
        self.max_events = max_events
        self.time_limit = time_limit

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        """Send events as one message."""
        return self._channel.send(user, events)

    @cached_property
    def _channel(self) -> Channel:
        try:
            return self._build()
        except CldmonError as error:
            return BrokenChannel(str(error))
