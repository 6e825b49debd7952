"""What a request must be before anything is done for it. Pure; each raises `RefusedError`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cldmon.web.message import JSON, RefusedError, Request

if TYPE_CHECKING:
    from collections.abc import Collection

_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::(?P<port>\d{1,5}))?")
_OWN_SITE = ("same-origin", "none")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def check_host(request: Request, hosts: Collection[str]) -> None:
    """Refuse a Host that is not ours: a page elsewhere whose name was bent to our address.

    `hosts` are in lower case and without brackets.
    """
    match = _HOST.fullmatch(request.header("host").lower())
    if match is None:
        raise RefusedError(400, "a Host header with a host name is needed")
    if (match["v6"] or match["name"]) not in hosts:
        raise RefusedError(421, "this server does not answer to that Host: see allowed_hosts")


def check_origin(request: Request) -> None:
    """Refuse a request that a page of another site made the browser send."""
    site = request.header("sec-fetch-site")
    origin = request.header("origin")
    if (site and site not in _OWN_SITE) or (origin and not _is_own(origin, request)):
        raise RefusedError(
            403, "refused: it comes from another site (a proxy must pass on the Host header)"
        )


def check_content_type(request: Request) -> None:
    """Refuse a body that is not JSON: forms of other sites can send anything else unasked.

    A packed one too: nothing that is sent is unpacked.
    """
    kind = request.header("content-type").partition(";")[0].strip().lower()
    if request.body and kind != JSON:
        raise RefusedError(415, f"the body must be {JSON}")
    if request.header("content-encoding").strip().lower() not in ("", "identity"):
        raise RefusedError(415, "the body must not be packed", ("Accept-Encoding", "identity"))


def _is_own(origin: str, request: Request) -> bool:
    """Tell whether an Origin is that of the Host asked for; the scheme may be a proxy's."""
    try:
        url = urlsplit(origin.lower())
    except ValueError:
        return False
    if url.scheme not in _DEFAULT_PORTS or url.path or url.query or url.fragment:
        return False
    default = _DEFAULT_PORTS[url.scheme]
    return _with_port(url.netloc, default) == _with_port(request.header("host").lower(), default)


def _with_port(host: str, default: str) -> tuple[str, str]:
    match = _HOST.fullmatch(host)
    if match is None:
        return host, ""
    return match["v6"] or match["name"], match["port"] or default
