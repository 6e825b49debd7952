"""Restricts an account's page to the service, and limits how much it reads.

A browser follows redirects to any port of the same host with its cookies, and reads responses of
any length. So it is started with rules that let it resolve only the service, and the bytes of a
response that does not state its length are counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError

from cldmon.errors import BrowserError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.async_api import Browser, CDPSession, Page, Request

CHALLENGES = "https://challenges.cloudflare.com"
"""Cloudflare's challenges load scripts from there. The service's cookies are not sent there."""

_FETCHES = ("fetch", "xhr")
_PORTS = {"http": 80, "https": 443, "socks": 1080, "socks4": 1080, "socks5": 1080}
_ELSEWHERE_SECONDS = 5.0
_PLAIN_HOST = re.compile(r"[\w.:-]+", re.ASCII)


def host_resolver_rules(url: str, proxies: Iterable[str]) -> str:
    """Return the option that makes a browser resolve only the service at `url`.

    It applies to redirects, frames, workers and the browser's background requests. The exceptions
    are `CHALLENGES` and the `proxies`, which can connect to anything.
    """
    allowed = filter(None, map(_format_host_port, (url, CHALLENGES, *proxies)))
    rules = [f"MAP {host} {host}" for host in dict.fromkeys(allowed)]
    return f"--host-resolver-rules={', '.join([*rules, 'MAP * ~NOTFOUND'])}"


async def assert_isolated(browser: Browser) -> None:
    """Raise BrowserError if the browser can reach a server on this machine other than the service.

    That happens if it ignores its option: another product, or one started by a wrapper.
    """
    reached = asyncio.Event()

    def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        writer.close()

    async with await asyncio.start_server(note, "127.0.0.1", 0) as elsewhere:
        port = elsewhere.sockets[0].getsockname()[1]
        with contextlib.suppress(PlaywrightError):
            page = await browser.new_page()
            await page.goto(f"http://127.0.0.1:{port}/", timeout=_ELSEWHERE_SECONDS * 1000)
    if reached.is_set():
        raise BrowserError(
            "the browser ignores --host-resolver-rules: a redirect could lead it elsewhere,"
            " with a session key; take an unaltered Chromium or Chrome (browser.executable)"
        )


def _format_host_port(url: str) -> str | None:
    """Return `HOST:PORT` of a URL; None if it has none that a rule can contain."""
    try:
        _, host, port = parse_origin(url)
    except ValueError:
        return None
    if not (host and port and _PLAIN_HOST.fullmatch(host)):
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(eq=False, repr=False)
class NetworkGuard:
    """Limits a page to requests to `url`, and each response to `limit` bytes after decompression.

    `session` is a DevTools session of the page. `refused` is the target of a redirect to another
    server; `exceeded` is true if a response was too long, in which case the page is closed.
    """

    page: Page
    session: CDPSession
    url: str
    limit: int
    refused: str | None = field(default=None, init=False)
    exceeded: bool = field(default=False, init=False)
    _received: Counter[str] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        self._allowed = (parse_origin(self.url), parse_origin(CHALLENGES))
        self.page.on("request", self._on_request)
        self.session.on("Network.dataReceived", self._on_data)

    async def count(self) -> None:
        """Start to count the bytes received; only when needed, since the events are costly."""
        # These buffers are only for developer tools.
        await self.session.send("Network.enable", {"maxTotalBufferSize": 0})

    def _on_request(self, request: Request) -> None:
        # A page may load resources from elsewhere; only our own requests must not be redirected.
        # A redirected fetch is recognized by its type.
        is_ours = request.redirected_from or request.resource_type in _FETCHES
        if is_ours and parse_origin(request.url) not in self._allowed:
            self.refused = request.url

    def _on_data(self, event: dict[str, Any]) -> None:
        response = event["requestId"]
        self._received[response] += event["dataLength"]
        if self._received[response] > self.limit and not self.exceeded:
            self.exceeded = True
            self._closing = asyncio.create_task(self._close())  # the loop holds tasks only weakly

    async def _close(self) -> None:
        with contextlib.suppress(PlaywrightError):  # it may have closed already
            await self.page.close()


def parse_origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
