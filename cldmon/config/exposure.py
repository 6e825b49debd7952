"""Who can log in to the server that a configuration describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.config.network import is_loopback
from cldmon.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cldmon.config.schema import Config

SHORT_SECRET = 16
_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - looked for, not bound to
KNOWN_SECRETS = frozenset(
    {"cldmon-secret-change-me", "replace-with-a-long-random-string", "random-secret-string"}
)
"""The default of the Node version, and the values in its examples."""


def check_login(config: Config, path: Path) -> None:
    """Raise ConfigError if nobody could log in: codes are sent by Slack.

    A server that others can reach is open to all of them only if the configuration says so.
    """
    sends_codes = config.notifications.slack.enabled
    if config.login_mode == "open" or sends_codes or config.api_token:
        return
    exposed = config.public_host if is_loopback(config.host) else config.host
    why = f"{exposed} can be reached by others, and " if config.is_exposed else ""
    raise ConfigError(
        f"{path}: {why}login codes are sent by Slack, which is off, so nobody can log in: "
        "switch it on, set an api_token for programs, or let everybody in with "
        'login = "open", behind a proxy that asks who they are'
    )


def find_risks(config: Config) -> Iterator[str]:
    """Yield warnings for the person who starts the server."""
    yield from find_open_logins(config)
    everywhere = config.host.strip("[]") in _EVERY_ADDRESS
    if everywhere and config.allowed_hosts is None and config.public_url is None:
        yield "only Host names of this machine are answered: set allowed_hosts to those in use"
    secret = config.session_secret.get_secret_value() if config.session_secret else None
    if secret and (secret in KNOWN_SECRETS or len(secret) < SHORT_SECRET):
        yield "session_secret can be guessed, and logins forged: remove it or make it long"
    if config.api_token and len(config.api_token.get_secret_value()) < SHORT_SECRET:
        yield "api_token can be guessed: make it long"


def find_open_logins(config: Config) -> Iterator[str]:
    """Yield the ways in which others can log in as anybody."""
    if config.login_mode != "open":
        return
    if not is_loopback(config.host):
        yield f'login = "open": whoever reaches {config.host} may log in as anybody'
    names = [name for name in config.answered_hosts if not is_loopback(name)]
    if foreign := [name for name in names if name != config.host.lower()]:
        yield (
            f'login = "open": whoever is let through to {", ".join(foreign)} may log in as anybody'
        )
