"""Who a request comes from, where proxies in front say so: only those that are trusted count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from cldmon.web.http import Request

    Address: TypeAlias = IPv4Address | IPv6Address
    Network: TypeAlias = IPv4Network | IPv6Network

_WITH_PORT = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<v4>[\d.]+))(?::\d{1,5})?")


@dataclass(frozen=True)
class TrustedProxies:
    """The proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.

    `networks` are addresses and networks as `ipaddress` reads them.
    """

    networks: tuple[str, ...]

    def client_address(self, request: Request) -> str:
        """Return who asks, for counting: the last address on the way that is not a trusted proxy's.

        What stands to the left of that is whatever the client says. Whole IPv6 networks of the
        size that one customer gets count as one address.
        """
        peer = _parse_address(request.peer)
        if peer is None:
            return request.peer
        return _rate_limit_key(self._find_client(peer, request.header("x-forwarded-for")))

    def is_tls(self, request: Request) -> bool:
        """Return whether the browser came by https: to a trusted proxy, which says so."""
        scheme = request.header("x-forwarded-proto").partition(",")[0].strip().lower()
        if scheme != "https":
            return False
        peer = _parse_address(request.peer)
        return peer is not None and self._trusts(peer)

    def _find_client(self, peer: Address, chain: str) -> Address:
        while chain and self._trusts(peer):
            chain, _, named = chain.rpartition(",")
            if (before := _parse_forwarded(named)) is None:
                return peer
            peer = before
        return peer

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    @cached_property
    def _networks(self) -> tuple[Network, ...]:
        return tuple(map(ip_network, self.networks))


def _parse_forwarded(text: str) -> Address | None:
    """Return an address of X-Forwarded-For, which may have a port."""
    found = _WITH_PORT.fullmatch(text.strip())
    return _parse_address((found["v6"] or found["v4"] or "") if found else text.strip())


def _rate_limit_key(address: Address) -> str:
    if isinstance(address, IPv6Address):
        # Not the text: Python cannot spell the whole of an address with a zone, as fe80::1%eth0.
        return address.packed[:8].hex(":", 2)
    return str(address)


def _parse_address(text: str) -> Address | None:
    """Return an address; one of IPv4 that came through IPv6 as what it is."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (isinstance(found, IPv6Address) and found.ipv4_mapped) or found
