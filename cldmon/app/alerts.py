"""From a configuration to the channels that deliver alerts, and to who gets which."""

from __future__ import annotations

from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, TypeAlias

from cldmon.channels.apprise import AppriseChannel
from cldmon.channels.command import CommandChannel
from cldmon.channels.slack.channels import SlackAlerts
from cldmon.channels.slack.directory import map_timezones, read_timezones
from cldmon.config.secrets import read_channel_url
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.subscriptions import find_zone
from cldmon.errors import CldmonError
from cldmon.notifications.rules import DEFAULT_EVENTS, Audience, ChannelRule
from cldmon.store.state import DIRECT_MESSAGES
from cldmon.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta, tzinfo

    from cldmon.app.app import App
    from cldmon.config.schema import Config
    from cldmon.domain.events import Event
    from cldmon.notifications.channel import Channel

SLACK_SECONDS = 5.0
"""How long a pass waits for the time zones of Slack's people."""


def name_channels(config: Config) -> tuple[str, ...]:
    """Return the names of the channels of a configuration, that of direct messages included."""
    notifications = config.notifications
    people = (DIRECT_MESSAGES,) if notifications.slack.enabled else ()
    return (*people, *notifications.named_channels)


def build_channels(app: App, config: Config) -> dict[str, Channel]:
    """Return the channels of a configuration by name, and direct messages where Slack is on."""
    notifications = config.notifications
    channels: dict[str, Channel] = {}
    if notifications.slack.enabled:
        channels[DIRECT_MESSAGES] = LazyChannel(
            lambda: SlackAlerts(app.build_messenger(config), app.now, config.public_url),
            SlackAlerts,
        )
    for name, channel in notifications.named_channels.items():
        opener = partial(open_channel, app, config, name)
        channels[name] = LazyChannel(opener, _KINDS[channel.kind])
    return channels


def open_channel(app: App, config: Config, name: str) -> Channel:
    """Return one channel of a configuration; raises CldmonError if it cannot be used."""
    channel = config.notifications.named_channels[name]
    match channel.kind:
        case "slack":
            messenger = app.build_messenger(config)
            return SlackAlerts(messenger, app.now, config.public_url, channel.slack)
        case "command":
            program, folder = channel.command or (), app.outline.data_dir
            env = {name: app.env[name] for name in app.env.keys() - config.secret_variables}
            return CommandChannel(program, folder, env, app.now)
        case "apprise":
            url = read_channel_url(channel, app.env, app.config_path.parent)
            return AppriseChannel(url, now=app.now, link=config.public_url)


def build_audience(app: App, slack_seconds: float = SLACK_SECONDS) -> Audience:
    """Return who gets which alerts, apart from subscriptions."""
    # Looked up for the first person with quiet hours but no zone.
    look_up = cache(partial(_look_up_timezones, app, slack_seconds))

    def find_timezone(user: str) -> tzinfo | None:
        name = look_up().get(user)
        return find_zone(name) if name else None

    return Audience(
        channels=tuple(
            ChannelRule(
                name,
                DEFAULT_EVENTS if each.events is None else each.events,
                each.accounts,
                each.thresholds,
            )
            for name, each in app.config.notifications.named_channels.items()
        ),
        owners={each.label: each.owner for each in app.config.accounts if each.owner},
        timezone=find_timezone,
    )


def _look_up_timezones(app: App, seconds: float) -> dict[str, str]:
    """Return people's zones by Slack id, fetched once a day; while Slack fails, the last known."""
    if app.config.notifications.slack.enabled:
        with suppress(CldmonError, TimeoutError, RuntimeError):
            directory = app.build_directory(app.config, app.build_messenger(app.config))
            return map_timezones(start_thread(directory.people).result(seconds))
    return read_timezones(app.outline.data_dir)


_Kind: TypeAlias = type[SlackAlerts | CommandChannel | AppriseChannel]
_KINDS: dict[str, _Kind] = {
    "slack": SlackAlerts,
    "command": CommandChannel,
    "apprise": AppriseChannel,
}


class LazyChannel:
    """A channel that is built for the first alert: its secrets are read after all readings.

    Where they cannot be read, alerts wait.
    """

    def __init__(self, build: Callable[[], Channel], kind: _Kind) -> None:
        self._build = cache(build)
        self.max_events: int = kind.max_events
        self.time_limit: timedelta = kind.time_limit

    def send(self, user: str | None, events: Sequence[Event]) -> DeliveryResult:
        """Send events as one message."""
        try:
            channel = self._build()
        except CldmonError as error:
            return DeliveryResult(DeliveryStatus.LATER, str(error), halt=True)
        return channel.send(user, events)
