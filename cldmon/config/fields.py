"""The kinds of values in a configuration: each a type, with what it must be to be valid."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from cldmon.config import locate, network
from cldmon.domain.events import OCCURRENCES, EventKind
from cldmon.domain.labels import find_label_problem
from cldmon.domain.proxy import parse_proxy
from cldmon.domain.secret import find_wrong_token, looks_secret, unwrap_session_key
from cldmon.domain.subscriptions import parse_thresholds
from cldmon.domain.text import is_printable

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TIMEOUT_SECONDS = 3600

_CHANNEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def _refuse(find_problem: Callable[[str], str | None]) -> AfterValidator:
    """Return the check that nothing is wrong with a text or a secret."""

    def check(value: str | SecretStr | None) -> str | SecretStr | None:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text is not None and (problem := find_problem(text)):
            raise ValueError(problem)
        return value

    return AfterValidator(check)


def _check_line(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; give it a value or remove the key")
    if not is_printable(text):
        raise ValueError("holds a control character; use one line of printable text")
    return text


def _check_pointer(text: str) -> str:
    if looks_secret(text):
        raise ValueError("holds the secret itself; name the place where the secret is found")
    return _check_line(text)


def _check_interval(minutes: float) -> float:
    low, high = locate.MIN_INTERVAL_MINUTES, locate.MAX_INTERVAL_MINUTES
    if not low <= minutes <= high:
        default = locate.DEFAULT_INTERVAL_MINUTES
        raise ValueError(f"expected a number of minutes, {low} to {high} (default {default})")
    return minutes


def require_integer(low: int, high: int) -> AfterValidator:
    """Return the check that a number is within bounds, both included."""

    def check(number: int) -> int:
        if not low <= number <= high:
            raise ValueError(f"expected an integer from {low} to {high}, got {number}")
        return number

    return AfterValidator(check)


def _check_seconds(number: float) -> float:
    if not 0 < number <= MAX_TIMEOUT_SECONDS:
        raise ValueError(f"expected seconds, above 0 and up to {MAX_TIMEOUT_SECONDS}")
    return number


def _split_words(value: object) -> object:
    """Split a command written as one string, as a shell would."""
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError:
        raise ValueError("has an unclosed quotation mark") from None


def _check_command(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words or not words[0]:
        raise ValueError("is empty; name a program and its arguments")
    if looks_secret(words[0]):
        raise ValueError("holds the secret itself; name a program that prints it")
    if any("\0" in word for word in words):
        raise ValueError("holds a NUL character")
    return words


def _check_host_name(text: str) -> str:
    if any(c in text for c in "/@ ?#"):
        raise ValueError("expected a host name or an address, without http:// and path")
    return text


def _parse_uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError("expected a uuid: 8-4-4-4-12 hex digits") from None


def _check_header_safe(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text or not all("!" <= c <= "~" for c in text):
        raise ValueError("expected one word of printable ASCII characters")
    return secret


def _check_proxy(secret: SecretStr) -> SecretStr:
    parse_proxy(secret.get_secret_value())
    return secret


def _check_channel_name(text: str) -> str:
    from cldmon.store.state import DIRECT_MESSAGES  # takes time, and few give names

    if text == DIRECT_MESSAGES:
        raise ValueError("is the name of the direct messages; choose another")
    if not _CHANNEL_NAME.fullmatch(text) or looks_secret(text):
        raise ValueError("expected a name of up to 40 letters, digits, - and _")
    return text


def _require_slack_id(first: str, example: str, place: str) -> AfterValidator:
    """Return the check that a text is an id of Slack's that begins with one of some letters."""
    pattern = re.compile(rf"[{first}][A-Z0-9]+")
    problem = f"expected an id such as {example}: {place}"
    return _refuse(lambda text: None if pattern.fullmatch(text) else problem)


def _check_url_pointer(text: str) -> str:
    if "://" in text:
        raise ValueError("holds the URL itself; name the place where the URL is found")
    return text


def _parse_event(value: object) -> EventKind:
    if value not in OCCURRENCES:
        raise ValueError(f"unknown event; expected one of {', '.join(OCCURRENCES)}")
    return EventKind(str(value))


AsTuple = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
EmptyIsNone = BeforeValidator(lambda value: None if value == "" else value)
Line = Annotated[str, AfterValidator(_check_line)]
Pointer = Annotated[str, AfterValidator(_check_pointer)]
Label = Annotated[str, _refuse(find_label_problem)]
Minutes = Annotated[float, AfterValidator(_check_interval)]
Seconds = Annotated[float, AfterValidator(_check_seconds)]
Command = Annotated[
    tuple[str, ...], AsTuple, BeforeValidator(_split_words), AfterValidator(_check_command)
]
HiddenCommand = Annotated[Command | None, Field(repr=False)]
"""Not shown: what people pass to a program may be a secret, too."""
AnyUrl = Annotated[Line, AfterValidator(network.check_url)]
ServiceUrl = Annotated[AnyUrl, AfterValidator(network.check_service_url)]
ApiUrl = Annotated[ServiceUrl, AfterValidator(lambda url: url + "/")]
HostName = Annotated[Line, AfterValidator(_check_host_name)]
HostNames = Annotated[
    tuple[Annotated[HostName, AfterValidator(network.normalize_host)], ...], AsTuple
]
Networks = Annotated[
    tuple[Annotated[Line, AfterValidator(network.normalize_network)], ...], AsTuple
]
PublicUrl = Annotated[AnyUrl, AfterValidator(network.normalize_public_url)]
Uuid = Annotated[str, AfterValidator(_parse_uuid)]
ProxyUrl = Annotated[SecretStr, AfterValidator(_check_proxy)]
"""A secret, for it may hold a password."""
SessionKey = Annotated[
    SecretStr, AfterValidator(lambda key: SecretStr(unwrap_session_key(key.get_secret_value())))
]
HeaderSecret = Annotated[SecretStr, AfterValidator(_check_header_safe)]
BotToken = Annotated[SecretStr | None, EmptyIsNone, _refuse(find_wrong_token)]
ChannelName = Annotated[str, AfterValidator(_check_channel_name)]
ChannelUrl = Annotated[SecretStr, _refuse(network.find_channel_url_problem)]
UrlPointer = Annotated[Pointer, AfterValidator(_check_url_pointer)]
Events = Annotated[tuple[Annotated[EventKind, BeforeValidator(_parse_event)], ...], AsTuple]
Thresholds = Annotated[tuple[int, ...], BeforeValidator(parse_thresholds)]
SlackChannel = Annotated[
    str,
    _require_slack_id(
        "CG", "C0123456789", "it stands at the end of the channel's details in Slack"
    ),
]
SlackUser = Annotated[
    str,
    _require_slack_id(
        "UW", "U0123456789", 'choose "Copy member ID" in the person\'s Slack profile'
    ),
]
SlackTeam = Annotated[
    str, _require_slack_id("T", "T0123456789", "see the workspace's address in a browser")
]
