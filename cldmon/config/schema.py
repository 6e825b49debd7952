"""What a configuration may hold: every key, its type, its bounds and its default.

Values only: what needs a look at other keys is judged in `rules`, at the world in `secrets`.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from cldmon.config import label as labels
from cldmon.config import locate
from cldmon.domain.secret import looks_secret

SLACK_CREDENTIAL = "slack-bot-token"
MAX_TIMEOUT_SECONDS = 3600
MAX_KEEP_DAYS = 100_000
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine and no other can reach it."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _line(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; give it a value or remove the key")
    if not labels.printable(text):
        raise ValueError("holds a control character; use one line of printable text")
    return text


def _pointer(text: str) -> str:
    if looks_secret(text):
        raise ValueError("holds the secret itself; name the place where the secret is found")
    return _line(text)


def _label(text: str) -> str:
    if problem := labels.problem(text):
        raise ValueError(problem)
    return text


def _interval(minutes: float) -> float:
    if problem := locate.interval_problem(minutes):
        raise ValueError(problem)
    return minutes


def _whole(low: int, high: int) -> AfterValidator:
    def check(number: int) -> int:
        if not low <= number <= high:
            raise ValueError(f"expected a whole number from {low} to {high}, found {number}")
        return number

    return AfterValidator(check)


def _seconds(number: float) -> float:
    if not 0 < number <= MAX_TIMEOUT_SECONDS:
        raise ValueError(f"expected seconds, above 0 and up to {MAX_TIMEOUT_SECONDS}")
    return number


def _words(value: object) -> object:
    """Split a command that is written as one text, as a shell would; nothing else is done to it."""
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError:
        raise ValueError("has an unclosed quotation mark") from None


def _command(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words or not words[0]:
        raise ValueError("is empty; name a program and its arguments")
    if looks_secret(words[0]):
        raise ValueError("holds the secret itself; name a program that prints it")
    if any("\0" in word for word in words):
        raise ValueError("holds a NUL character")
    return words


def _url(text: str) -> str:
    expected = "expected an address such as https://example.org"
    try:
        url = urlsplit(_line(text))
        whole = bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        raise ValueError(expected) from None
    if url.scheme not in ("http", "https") or not whole or " " in text:
        raise ValueError(expected)
    return text


def _service(text: str) -> str:
    url = urlsplit(_url(text))
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("expected an address without user, password, ? and #")
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        raise ValueError("plain http is allowed to loopback only; use https")
    return text.rstrip("/")


def _host_name(text: str) -> str:
    if any(c in text for c in "/@ ?#"):
        raise ValueError("expected a host name or an address, without http:// and path")
    return text


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError("expected a uuid: 8-4-4-4-12 hex digits") from None


def _header_safe(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text or not all("!" <= c <= "~" for c in text):
        raise ValueError("expected one word of printable ASCII characters")
    return secret


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Line = Annotated[str, AfterValidator(_line)]
Pointer = Annotated[str, AfterValidator(_pointer)]
Label = Annotated[str, AfterValidator(_label)]
Minutes = Annotated[float, AfterValidator(_interval)]
Command = Annotated[
    tuple[str, ...], BeforeValidator(_tuple), BeforeValidator(_words), AfterValidator(_command)
]
HiddenCommand = Annotated[Command | None, Field(repr=False)]
"""Not shown: what people pass to a program may be a secret, too."""
ServiceUrl = Annotated[str, AfterValidator(_service)]
AnyUrl = Annotated[str, AfterValidator(_url)]
HostName = Annotated[Line, AfterValidator(_host_name)]
HostNames = Annotated[tuple[HostName, ...], BeforeValidator(_tuple)]
Uuid = Annotated[str, AfterValidator(_uuid)]
HeaderSecret = Annotated[SecretStr, AfterValidator(_header_safe)]


class _Table(BaseModel):
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
        """Return the keys that are set; more than one contradict each other."""
        values = {"": self.inline, "_file": self.file, "_env": self.env, "_command": self.command}
        return [self.name + suffix for suffix, value in values.items() if value is not None]


class AccountConfig(_Table):
    """One claude.ai account and where its session key comes from."""

    label: Label
    session_key: SecretStr | None = None
    session_key_file: Pointer | None = None
    session_key_env: Pointer | None = None
    session_key_command: HiddenCommand = None
    organization: Uuid | None = None

    def sources(self) -> Sources:
        """Return where the session key may come from."""
        return Sources(
            "session_key",
            self.label,
            self.session_key,
            self.session_key_file,
            self.session_key_env,
            self.session_key_command,
        )


class BrowserConfig(_Table):
    """Which browser asks, and how; what is None is found out when it starts."""

    executable: Line | None = None
    headless: bool = True
    concurrency: Annotated[int, _whole(1, 64)] | None = None
    timeout_seconds: Annotated[float, AfterValidator(_seconds)] = 20
    user_agent: Line | None = None
    sandbox: bool | None = None


class SlackConfig(_Table):
    """Whether and with which bot people are told on Slack."""

    enabled: bool = False
    bot_token: Annotated[SecretStr | None, BeforeValidator(_none_if_empty)] = None
    bot_token_file: Pointer | None = None
    bot_token_env: Pointer | None = None
    bot_token_command: HiddenCommand = None
    member_channel_id: Annotated[Line | None, BeforeValidator(_none_if_empty)] = None

    def sources(self) -> Sources:
        """Return where the bot token may come from."""
        return Sources(
            "bot_token",
            SLACK_CREDENTIAL,
            self.bot_token,
            self.bot_token_file,
            self.bot_token_env,
            self.bot_token_command,
        )


class NotificationsConfig(_Table):
    """What is worth a message, and the ways to send one."""

    reset_rule: Literal["zero", "window"] = "zero"
    slack: SlackConfig = SlackConfig()


class HealthConfig(_Table):
    """The dead-man's switch; its address is as good as a password, so it is not shown."""

    ping_url: Annotated[AnyUrl | None, Field(repr=False)] = None


class MetricsConfig(_Table):
    """Where the Prometheus textfile is written."""

    textfile: Line | None = None


class Config(_Table):
    """A whole configuration, as written: `locate.data_dir` resolves `data_dir`."""

    session_secret: HeaderSecret | None = None
    host: HostName = "127.0.0.1"
    port: Annotated[int, _whole(1, 65535)] = 3000
    allowed_hosts: HostNames | None = None
    login: Literal["open", "code"] | None = None
    api_token: HeaderSecret | None = None
    fetch_interval_minutes: Minutes = locate.DEFAULT_INTERVAL_MINUTES
    history_keep_days: Annotated[int, _whole(0, MAX_KEEP_DAYS)] = 0
    data_dir: Line | None = None
    browser: BrowserConfig = BrowserConfig()
    notifications: NotificationsConfig = NotificationsConfig()
    health: HealthConfig = HealthConfig()
    metrics: MetricsConfig = MetricsConfig()
    claude_url: ServiceUrl = "https://claude.ai"
    slack_url: Annotated[ServiceUrl, AfterValidator(lambda url: url + "/")] = (
        "https://slack.com/api/"
    )
    accounts: Annotated[tuple[AccountConfig, ...], BeforeValidator(_tuple)] = ()

    def account(self, label: str) -> AccountConfig | None:
        """Return the account of that label, or None."""
        return next((each for each in self.accounts if each.label == label), None)

    @property
    def holds_secrets(self) -> bool:
        """Whether the file itself holds a secret, and so is for its owner only."""
        keys = [account.session_key for account in self.accounts]
        own = [self.session_secret, self.api_token, self.notifications.slack.bot_token]
        return any([*keys, *own, self.health.ping_url])

    @property
    def interval(self) -> timedelta:
        """How long it is from one pass to the next."""
        return timedelta(minutes=self.fetch_interval_minutes)

    @property
    def login_mode(self) -> Literal["open", "code"]:
        """How people log in: as configured, else `open` where only this machine can come."""
        return self.login or ("open" if is_loopback(self.host) else "code")

    @property
    def answered_hosts(self) -> tuple[str, ...]:
        """The Host names that are answered: as configured, else the loopback ones and `host`."""
        return self.allowed_hosts or tuple(dict.fromkeys((*LOOPBACK_HOSTS, self.host)))
