"""Checks of a request before it is handled. Pure; each raises `RefusedError`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cldmon.web.http import JSON, RefusedError, Request
from cldmon.web.proxies import DEFAULT_PORTS

if TYPE_CHECKING:
    from collections.abc import Collection

    from cldmon.web.proxies import PublicUrl

_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::(?P<port>\d{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[^/?#@]+)")
_OWN_SITE = ("same-origin", "none")
_MAX_QUOTE = 100


class Host(NamedTuple):
    """A Host header in lower case and without brackets; `port` is None if it has none."""

    name: str
    port: int | None

    def with_port(self, default: int) -> Host:
        """Return it with a port."""
        return self._replace(port=default) if self.port is None else self


def parse_host(request: Request) -> Host:
    """Return the host that a request was sent to."""
    if found := _parse_host(request.header("host").lower()):
        return found
    raise RefusedError(400, "a Host header with a host name is required")


def check_host(request: Request, hosts: Collection[str]) -> None:
    """Refuse a foreign Host, as a DNS rebinding attack would send.

    `hosts` are in lower case and without brackets.
    """
    host = parse_host(request)
    if host.name not in hosts:
        raise RefusedError(
            421, f"this server does not answer to the Host {_quote(host.name)}: see allowed_hosts"
        )


def check_origin(request: Request, public: PublicUrl | None) -> None:
    """Refuse a cross-site request."""
    site = request.header("sec-fetch-site")
    if site and site not in _OWN_SITE:
        raise RefusedError(403, "refused: a page of another site sent it")
    origin = request.header("origin")
    if origin and not _is_same_origin(origin, request, public):
        host = request.header("host")
        raise RefusedError(
            403,
            f"refused: its Origin is {_quote(origin)}, but its Host {_quote(host)}: "
            "a proxy must pass on the Host header with its port, or public_url name the Origin",
        )


def check_content_type(request: Request) -> None:
    """Refuse a body that is not JSON, since other sites' forms can send anything else.

    Compressed bodies are refused, too.
    """
    kind = request.header("content-type").partition(";")[0].strip().lower()
    if request.body and kind != JSON:
        raise RefusedError(415, f"the body must be {JSON}")
    if request.header("content-encoding").strip().lower() not in ("", "identity"):
        raise RefusedError(415, "the body must not be compressed", ("Accept-Encoding", "identity"))


def _is_same_origin(origin: str, request: Request, public: PublicUrl | None) -> bool:
    """Return whether an Origin is that of the public URL or of the request's Host.

    A proxy may change the scheme, except that of the public URL.
    """
    match = _ORIGIN.fullmatch(origin.lower())
    named = _parse_host(match["host"]) if match else None
    if match is None or named is None:
        return False
    default = DEFAULT_PORTS[match["scheme"]]
    page = named.with_port(default)
    host = parse_host(request)
    if public:
        home = Host(public.host, public.port)
        if (match["scheme"], page) == (public.scheme, home):
            return True
        if host in (home, home._replace(port=None)):
            return False
    return page == host.with_port(default)


def _parse_host(text: str) -> Host | None:
    match = _HOST.fullmatch(text)
    if match is None:
        return None
    return Host(match["v6"] or match["name"], int(match["port"]) if match["port"] else None)


def _quote(foreign: str) -> str:
    """Return a client's text in quotes, safe to show anywhere."""
    text = foreign[:_MAX_QUOTE]
    return '"' + "".join(c if " " <= c <= "~" else "?" for c in text) + '"'
