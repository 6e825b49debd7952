"""The keys of a configuration, with types, bounds and defaults.

Each value is validated alone: `rules` compares keys, `secrets` reads what they refer to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from cldmon.config import fields, locate
from cldmon.config.network import is_loopback, normalize_host

SLACK_CREDENTIAL = "slack-bot-token"
MAX_KEEP_DAYS = 100_000
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1")

_SUFFIXES = ("", "_file", "_env", "_command")
"""What follows the name of a secret in the keys that say where it is."""


class _Table(BaseModel):
    # Defaults are constructed: to validate them, pydantic would build each table's validator
    # twice, in a third of the time that a configuration takes to load.
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, defer_build=True
    )


@dataclass(frozen=True, slots=True)
class Sources:
    """The places from which one secret may come; `name` is the key of the inline one.

    `credential` is the name of the systemd credential that is used when no other is given.
    """

    name: str
    credential: str
    inline: SecretStr | None
    file: str | None
    env: str | None
    command: tuple[str, ...] | None = field(repr=False)

    def given(self) -> list[str]:
        """Return the keys that are set; more than one is a conflict."""
        values = zip(_SUFFIXES, (self.inline, self.file, self.env, self.command), strict=True)
        return [self.name + suffix for suffix, value in values if value is not None]


def _find_sources(table: _Table, name: str, credential: str) -> Sources:
    """Return what a table says of one secret; it may lack some of the keys."""
    return Sources(name, credential, *(getattr(table, name + each, None) for each in _SUFFIXES))


class AccountConfig(_Table):
    """One claude.ai account, and where its numbers come from: a session key, reports, or both."""

    label: fields.Label
    session_key: fields.SessionKey | None = None
    session_key_file: fields.Pointer | None = None
    session_key_env: fields.Pointer | None = None
    session_key_command: fields.HiddenCommand = None
    source: Literal["report"] | None = None
    organization: fields.Uuid | None = None
    owner: fields.SlackUser | None = None

    def sources(self) -> Sources:
        """Return where the session key may come from."""
        return _find_sources(self, "session_key", self.label)


class BrowserConfig(_Table):
    """Which browser to use, and how; what is None is decided when it starts."""

    executable: fields.Line | None = None
    headless: bool = True
    concurrency: Annotated[int, fields.require_integer(1, 64)] | None = None
    timeout_seconds: fields.Seconds = 20
    user_agent: fields.Line | None = None
    sandbox: bool | None = None
    proxy: fields.ProxyUrl | None = None


class SlackConfig(_Table):
    """Slack: whether alerts are sent, and by which bot."""

    enabled: bool = False
    bot_token: fields.BotToken = None
    bot_token_file: fields.Pointer | None = None
    bot_token_env: fields.Pointer | None = None
    bot_token_command: fields.HiddenCommand = None
    member_channel_id: Annotated[fields.Line | None, fields.EmptyIsNone] = None
    team_id: fields.SlackTeam | None = None

    def sources(self) -> Sources:
        """Return where the bot token may come from."""
        return _find_sources(self, "bot_token", SLACK_CREDENTIAL)


class ChannelConfig(_Table):
    """A way to send alerts beside direct messages; `events` and `accounts` None mean the default.

    One of `slack`, a URL and `command` is given.
    """

    name: fields.ChannelName | None = None
    slack: fields.SlackChannel | None = None
    url: fields.ChannelUrl | None = None
    url_file: fields.UrlPointer | None = None
    url_env: fields.UrlPointer | None = None
    command: fields.HiddenCommand = None
    events: fields.Events | None = None
    accounts: Annotated[tuple[str, ...] | None, fields.AsTuple] = None
    thresholds: fields.Thresholds = ()
    digest: bool = False

    def sources(self) -> Sources:
        """Return where the URL may come from."""
        return _find_sources(self, "url", "")

    def given(self) -> list[str]:
        """Return the keys that say where to send; more than one contradict each other."""
        slack = ["slack"] if self.slack is not None else []
        command = ["command"] if self.command is not None else []
        return [*slack, *self.sources().given(), *command]

    @property
    def kind(self) -> Literal["slack", "apprise", "command"]:
        """What sends its alerts."""
        if self.slack is not None:
            return "slack"
        return "command" if self.command is not None else "apprise"


class NotificationsConfig(_Table):
    """What alerts are sent about, and how."""

    reset_rule: Literal["zero", "window"] = "zero"
    slack: SlackConfig = SlackConfig.model_construct()
    channels: Annotated[tuple[ChannelConfig, ...], fields.AsTuple] = ()

    @property
    def named_channels(self) -> dict[str, ChannelConfig]:
        """The channels by name; those without one are named after their kind: slack, slack-2, …"""
        taken = {channel.name for channel in self.channels}
        named = {}
        for channel in self.channels:
            names = (
                f"{channel.kind}-{number}" if number > 1 else channel.kind for number in count(1)
            )
            name = channel.name or next(each for each in names if each not in taken)
            taken.add(name)
            named[name] = channel
        return named


class HealthConfig(_Table):
    """The dead-man's switch; its address is as good as a password, so it is not shown."""

    ping_url: Annotated[fields.AnyUrl | None, Field(repr=False)] = None


class MetricsConfig(_Table):
    """Where the Prometheus textfile is written."""

    textfile: fields.Line | None = None


class Config(_Table):
    """A whole configuration, as written: `locate.find_data_dir` resolves `data_dir`."""

    session_secret: fields.HeaderSecret | None = None
    host: fields.HostName = "127.0.0.1"
    port: Annotated[int, fields.require_integer(1, 65535)] = 3000
    public_url: fields.PublicUrl | None = None
    allowed_hosts: fields.HostNames | None = None
    trusted_proxies: fields.Networks = LOOPBACK_NETWORKS
    login: Literal["open", "code"] | None = None
    api_token: fields.HeaderSecret | None = None
    fetch_interval_minutes: fields.Minutes = locate.DEFAULT_INTERVAL_MINUTES
    history_keep_days: Annotated[int, fields.require_integer(0, MAX_KEEP_DAYS)] = 0
    data_dir: fields.Line | None = None
    browser: BrowserConfig = BrowserConfig.model_construct()
    notifications: NotificationsConfig = NotificationsConfig.model_construct()
    health: HealthConfig = HealthConfig.model_construct()
    metrics: MetricsConfig = MetricsConfig.model_construct()
    claude_url: fields.ServiceUrl = "https://claude.ai"
    slack_url: fields.ApiUrl = "https://slack.com/api/"
    accounts: Annotated[tuple[AccountConfig, ...], fields.AsTuple] = ()

    def account(self, label: str) -> AccountConfig | None:
        """Return the account of that label, or None."""
        return next((each for each in self.accounts if each.label == label), None)

    @property
    def holds_secrets(self) -> bool:
        """Whether the file itself holds a secret, and so is for its owner only."""
        keys = [account.session_key for account in self.accounts]
        urls = [channel.url for channel in self.notifications.channels]
        own = [self.session_secret, self.api_token, self.notifications.slack.bot_token]
        return any([*keys, *urls, *own, self.health.ping_url, self.browser.proxy])

    @property
    def secret_variables(self) -> frozenset[str]:
        """The environment variables that hold secrets."""
        channels = self.notifications.channels
        sources = [self.notifications.slack.sources(), *(each.sources() for each in channels)]
        sources += [account.sources() for account in self.accounts]
        return frozenset(each.env for each in sources if each.env)

    @property
    def interval(self) -> timedelta:
        """How long it is from one pass to the next."""
        return timedelta(minutes=self.fetch_interval_minutes)

    @property
    def public_host(self) -> str | None:
        """The host of `public_url`, without brackets and port."""
        return urlsplit(self.public_url).hostname if self.public_url else None

    @property
    def login_mode(self) -> Literal["open", "code"]:
        """How people log in: as configured, else `open` where only this machine can come."""
        return self.login or ("code" if self.is_exposed else "open")

    @property
    def is_exposed(self) -> bool:
        """Whether others than this machine can come, as far as the configuration says."""
        return not (is_loopback(self.host) and is_loopback(self.public_host or self.host))

    @property
    def answered_hosts(self) -> tuple[str, ...]:
        """The Host names that are answered, in lower case and without brackets.

        As configured, else the loopback ones and `host`; that of `public_url` always.
        """
        named = self.allowed_hosts or (*LOOPBACK_HOSTS, _format_host_header(self.host))
        public = (self.public_host,) if self.public_host else ()
        return tuple(dict.fromkeys((*named, *public)))


def _format_host_header(host: str) -> str:
    """Return the Host header of a request to where a server listens."""
    try:
        return normalize_host(host)
    except ValueError:
        return host.strip("[]").lower()
