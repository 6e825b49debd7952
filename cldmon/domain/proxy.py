"""The proxy that the browser asks through, and what opens it.

Chromium takes a proxy from the environment by itself, but no user and password.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from cldmon.domain.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SETTING = "browser.proxy"
_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy: where it is, which setting or variable says so, and what opens it."""

    server: str
    source: str
    user: Secret | None = None
    password: Secret | None = None

    @property
    def is_for_chromium(self) -> bool:
        """Whether the browser takes it from the environment by itself."""
        return self.source != SETTING and self.user is None

    def __str__(self) -> str:
        """Return what may be shown of it."""
        return (
            f"{self.server} (from {self.source}{', with user and password' if self.user else ''})"
        )


def find_proxy(url: str, configured: Secret | None, env: Mapping[str, str]) -> Proxy | None:
    """Return the proxy through which the service at `url` is asked, if there is one.

    Raises ValueError for one that cannot be used: what is wrong, without quoting it. What of the
    environment needs no user and password is Chromium's own affair.
    """
    if configured:
        return parse_proxy(configured.reveal(), SETTING)
    service = urlsplit(url)
    if _is_direct(service.hostname or "", _variable("no_proxy", env)[1]):
        return None
    for name in ("all_proxy", f"{service.scheme}_proxy"):
        spelling, value = _variable(name, env)
        if value:
            try:
                return parse_proxy(value, spelling)
            except ValueError as error:
                if "@" in value:
                    raise ValueError(f"{spelling} in the environment: {error}") from None
    return None


def parse_proxy(text: str, source: str = SETTING) -> Proxy:
    """Return the proxy that a URL describes, `http://user:password@host:port` at most.

    Raises ValueError, which does not quote it.
    """
    scheme, credentials, place = _split(text)
    try:
        parts = urlsplit(f"{scheme}://{place}")
        is_understood = bool(parts.hostname) and parts.port != 0 and not parts.path.strip("/")
    except ValueError:
        is_understood = False
    if not is_understood or scheme not in ("http", "https", "socks4", "socks5"):
        raise ValueError("expected a proxy such as http://user:password@host:port")
    server = f"{scheme}://{parts.netloc}"
    if not credentials:
        return Proxy(server, source)
    if scheme.startswith("socks"):
        raise ValueError("Chromium gives no user and password to a SOCKS proxy: name an HTTP proxy")
    user, _, password = credentials.partition(":")
    return Proxy(server, source, Secret(unquote(user)), Secret(unquote(password)))


def find_env_proxies(env: Mapping[str, str]) -> Iterator[str]:
    """Yield the proxies that Chromium takes from the environment, as URLs."""
    for name in _VARIABLES:
        if value := _variable(name, env)[1]:
            scheme, _, place = _split(value)
            yield f"{scheme}://{place}"


def strip_credentials(name: str, value: str) -> str:
    """Return the value of a variable, less user and password where it is a proxy's."""
    if name.lower() not in _VARIABLES or "@" not in value:
        return value
    scheme, _, place = _split(value)
    return f"{scheme}://{place}"


def _split(text: str) -> tuple[str, str, str]:
    """Return scheme, user and password, and place of a proxy; a password may hold anything."""
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        scheme, rest = "http", text.strip()
    credentials, _, place = rest.rpartition("@")
    return {"socks": "socks5"}.get(scheme.lower(), scheme.lower()), credentials, place


def _variable(name: str, env: Mapping[str, str]) -> tuple[str, str]:
    """Return how a variable is spelt in an environment, and its value; `` where it has none."""
    spelling = name if env.get(name) else name.upper()
    return spelling, env.get(spelling, "")


def _is_direct(host: str, no_proxy: str) -> bool:
    """Return whether Chromium asks a host itself: this machine, or one that `no_proxy` names."""
    if host == "localhost" or host.endswith(".localhost") or _is_loopback(host):
        return True
    entries = (entry.strip().lower().lstrip("*") for entry in no_proxy.split(","))
    return "*" in no_proxy.split(",") or any(e and host.endswith(e) for e in entries)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
