"""Names and addresses of the network, in the one form in which they are compared.

Each function returns that form, or raises ValueError with what is expected instead.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, unquote, urlsplit

from cldmon.domain.text import is_printable

_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_LONGEST_NAME = 253
_PORT = re.compile(r"(?P<name>\[.*\]|[^:]*):(?P<port>\d+)")
_AMBIGUOUS = re.compile("[ßς\u200c\u200d]")
"""Letters that the standard library's IDNA turns into others, and browsers do not."""

_CHANNEL_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S.*")
_PLAIN_SEGMENT = re.compile(r"[\w.~!$&'()*+=:@-]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAPPED = IPv6Network("::ffff:0:0/96")


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine and no other can reach it."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_url(text: str) -> str:
    """Return an http(s) URL as it is."""
    try:
        url = urlsplit(text)
        is_whole = bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        is_whole = False
    if not is_whole or url.scheme not in _DEFAULT_PORTS or " " in text or not is_printable(text):
        raise ValueError("expected an address such as https://example.org")
    return text


def check_service_url(text: str) -> str:
    """Return the URL of a service that is sent secrets, without a slash at its end."""
    url = urlsplit(text)
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("expected an address without user, password, ? and #")
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        raise ValueError("plain http is allowed to loopback only; use https")
    return text.rstrip("/")


def normalize_host(text: str) -> str:
    """Return a host as browsers send it: lower case, IDN in punycode, IPv6 without brackets."""
    if found := _parse_address(text):
        return found
    if port := _PORT.fullmatch(text):
        raise ValueError(f'has a port, which does not count here: write "{port["name"]}"')
    if "*" in text:
        raise ValueError("expected whole names, without *: list each of them")
    name = _to_ascii(text).lower().removesuffix(".")
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ValueError("expected a host name or an address, without http:// and path")
    return name


def normalize_public_url(text: str) -> str:
    """Return an http(s) URL that ends in a slash, its host as in `normalize_host`."""
    url = urlsplit(text)
    if url.username or url.password or "?" in text or "#" in text:
        raise ValueError("expected an address without user, password, ? and #")
    host = normalize_host(url.hostname or "")
    shown = f"[{host}]" if ":" in host else host
    port = "" if url.port in (None, _DEFAULT_PORTS[url.scheme]) else f":{url.port}"
    return f"{url.scheme}://{shown}{port}{_normalize_path(url.path)}"


def find_channel_url_problem(text: str) -> str | None:
    """Return what is wrong with the Apprise URL of a channel, or None; the URL is not quoted."""
    if is_printable(text) and _CHANNEL_URL.fullmatch(text):
        return None
    return "is not an Apprise URL: expected one such as ntfy://ntfy.sh/TOPIC, on one line"


def normalize_network(text: str) -> str:
    """Return an address or a network in its shortest form."""
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            "expected an address such as 172.18.0.2 or a network such as 172.18.0.0/16"
        ) from None
    if "/" in text and found.network_address != ip_address(text.partition("/")[0]):
        raise ValueError(f"is an address within {found}: write the network or the address alone")
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        mapped = found.network_address.ipv4_mapped or IPv4Address(0)
        found = IPv4Network((mapped, found.prefixlen - _MAPPED.prefixlen))
    if found.prefixlen == 0:
        raise ValueError(
            "is every address there is: anybody could claim to be anybody; name the proxy's"
        )
    single = found.prefixlen == found.max_prefixlen
    return str(found.network_address if single else found)


def _parse_address(text: str) -> str | None:
    """Return an address in its shortest form; None for anything else."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.scope_id is not None:
        raise ValueError("expected an address without a zone: no browser sends one")
    return found.compressed


def _to_ascii(name: str) -> str:
    if name.isascii():
        return name
    if _AMBIGUOUS.search(name.lower()):
        raise ValueError("holds a letter that is encoded in two ways: write the name as xn--…")
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError("cannot be a host name; if it is one, write it as xn--…") from None


def _normalize_path(text: str) -> str:
    """Return a path between slashes, as browsers send it."""
    inner = text.removeprefix("/").removesuffix("/")
    segments = [unquote(segment) for segment in inner.split("/")] if inner else []
    if not all(_PLAIN_SEGMENT.fullmatch(each) and each.strip(".") for each in segments):
        raise ValueError("expected a path of plain names, such as /cldmon/")
    return quote("/".join(["", *segments, ""]), safe="/!$&'()*+=:@")
