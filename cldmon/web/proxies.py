"""Reverse proxies in front of us: the dashboard's URL behind them, and whose headers we trust."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Self, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cldmon.web.http import Request

    Address: TypeAlias = IPv4Address | IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}

_WITH_PORT = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<v4>[\d.]+))(?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """The URL under which browsers reach the dashboard.

    `host` is in lower case and without brackets; `path` begins and ends with a slash.
    """

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return an http(s) URL that ends in a slash."""
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
        return cls(parts.scheme, parts.hostname or "", port, parts.path)

    @property
    def is_tls(self) -> bool:
        """Whether browsers use https."""
        return self.scheme == "https"

    def strip_path(self, path: str) -> str:
        """Return a path without the public URL's, which a proxy may have left in place."""
        return path[len(self.path) - 1 :] if path.startswith(self.path) else path


class TrustedProxies:
    """The proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted.

    `networks` are addresses and networks as `ipaddress` parses them.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(map(ip_network, networks))

    def client_address(self, request: Request) -> str:
        """Return the client's address for rate limits: the last that is not a trusted proxy's.

        Anything to the left of it is the client's own claim. An IPv6 /64, which is what a single
        customer gets, counts as one address.
        """
        client = _parse_address(request.peer)
        if client is None:
            return request.peer
        chain = request.header("x-forwarded-for")
        while chain and self._trusts(client):
            chain, _, last = chain.rpartition(",")
            match = _WITH_PORT.fullmatch(last.strip())
            address = (match["v6"] or match["v4"] or "") if match else last.strip()
            if (before := _parse_address(address)) is None:
                break
            client = before
        if isinstance(client, IPv6Address):
            # Not `exploded`: Python can't expand an address with a zone, such as fe80::1%eth0.
            return client.packed[:8].hex(":", 2)
        return str(client)

    def is_tls(self, request: Request) -> bool:
        """Return whether the browser used https, according to a trusted proxy."""
        scheme = request.header("x-forwarded-proto").partition(",")[0].strip().lower()
        if scheme != "https":
            return False
        peer = _parse_address(request.peer)
        return peer is not None and self._trusts(peer)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _parse_address(text: str) -> Address | None:
    """Return an address, unwrapped if it is IPv4 mapped to IPv6."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (isinstance(found, IPv6Address) and found.ipv4_mapped) or found
