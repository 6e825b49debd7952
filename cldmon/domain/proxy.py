"""The browser's proxy, and its user and password.

Chromium reads a proxy from the environment, but without user and password.
"""

from __future__ import annotations

from contextlib import suppress
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
    """A proxy: its URL, the setting or variable it comes from, and its credentials."""

    server: str
    source: str
    user: Secret | None = None
    password: Secret | None = None

    @property
    def is_for_chromium(self) -> bool:
        """Whether Chromium reads it from the environment itself."""
        return self.source != SETTING and self.user is None

    def __str__(self) -> str:
        """Return it without credentials."""
        credentials = ", with user and password" if self.user else ""
        return f"{self.server} (from {self.source}{credentials})"


def find_proxy(url: str, configured: Secret | None, env: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for requests to the service at `url`, if there is one.

    Raises ValueError for one that can't be used, without quoting it. An invalid one in the
    environment is ignored if it has no credentials: Chromium handles it itself.
    """
    if configured:
        return parse_proxy(configured.reveal(), SETTING)
    service = urlsplit(url)
    if _is_direct(service.hostname or "", _get_variable("no_proxy", env)[1]):
        return None
    for name in ("all_proxy", f"{service.scheme}_proxy"):
        spelling, value = _get_variable(name, env)
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
        raise ValueError("Chromium sends no user and password to a SOCKS proxy: use an HTTP proxy")
    user, _, password = credentials.partition(":")
    return Proxy(server, source, Secret(unquote(user)), Secret(unquote(password)))


def find_env_proxies(env: Mapping[str, str]) -> Iterator[str]:
    """Yield the proxies that Chromium reads from the environment, as URLs."""
    for name in _VARIABLES:
        if value := _get_variable(name, env)[1]:
            scheme, _, place = _split(value)
            yield f"{scheme}://{place}"


def strip_credentials(name: str, value: str) -> str:
    """Return the value of a variable, without user and password if it is a proxy's."""
    if name.lower() not in _VARIABLES or "@" not in value:
        return value
    scheme, _, place = _split(value)
    return f"{scheme}://{place}"


def _split(text: str) -> tuple[str, str, str]:
    """Return the scheme, credentials and address of a proxy. A password may contain anything."""
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        scheme, rest = "http", text.strip()
    credentials, _, place = rest.rpartition("@")
    return {"socks": "socks5"}.get(scheme.lower(), scheme.lower()), credentials, place


def _get_variable(name: str, env: Mapping[str, str]) -> tuple[str, str]:
    """Return how a variable is spelt in an environment, and its value (empty if unset)."""
    spelling = name if env.get(name) else name.upper()
    return spelling, env.get(spelling, "")


def _is_direct(host: str, no_proxy: str) -> bool:
    """Return whether Chromium bypasses the proxy for a host: this machine, or one in `no_proxy`."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        if ip_address(host).is_loopback:
            return True
    entries = (entry.strip().lower().lstrip("*") for entry in no_proxy.split(","))
    return "*" in no_proxy.split(",") or any(e and host.endswith(e) for e in entries)
