"""Keeps an account's page to the service: it can reach nothing else, and reads little.

A browser sends a cookie to where a redirect leads on the same host, other ports included, and reads
responses of any length. So it is started such that only the service resolves; and what comes in is
counted where a response does not state its length.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError

from cldmon.errors import BrowserError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.async_api import Browser, CDPSession, Page, Request

CHALLENGES = "https://challenges.cloudflare.com"
"""Cloudflare's challenges load their scripts from there. No cookie of the service goes there."""

_FETCHES = ("fetch", "xhr")
_PORTS = {"http": 80, "https": 443, "socks": 1080, "socks4": 1080, "socks5": 1080}
_ELSEWHERE_SECONDS = 5.0
_PLAIN_HOST = re.compile(r"[\w.:-]+", re.ASCII)


def host_resolver_rules(url: str, proxies: Iterable[str]) -> str:
    """Return the option with which a browser resolves the service at `url`, and little else.

    That holds for redirects, frames, workers, and its own background requests. It also resolves
    `CHALLENGES` and the `proxies`, which can connect to anything.
    """
    allowed = filter(None, map(_host_port, (url, CHALLENGES, *proxies)))
    rules = [f"MAP {host} {host}" for host in dict.fromkeys(allowed)]
    return f"--host-resolver-rules={', '.join([*rules, 'MAP * ~NOTFOUND'])}"


async def assert_isolated(browser: Browser) -> None:
    """Try to reach a place of this machine that is not the service; raises BrowserError if it can.

    Only a browser that ignores its option can: another product, or one behind a wrapper.
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


def _host_port(url: str) -> str | None:
    """Return `HOST:PORT` of a URL; None where it has none that a rule could name."""
    try:
        _, host, port = origin_of(url)
    except ValueError:
        return None
    if not (host and port and _PLAIN_HOST.fullmatch(host)):
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class NetworkGuard:
    """Limits what one page requests and reads: from `url`, at most `limit` bytes, unpacked.

    `refused` is where a redirect led that was not to be followed; `exceeded` says that a response
    was longer, for which the page is closed.
    """

    def __init__(self, url: str, limit: int) -> None:
        self.refused: str | None = None
        self.exceeded = False
        self._origin = origin_of(url)
        self._limit = limit
        self._session: CDPSession | None = None
        self._received: dict[str, int] = {}
        self._closing: asyncio.Task[None] | None = None

    def watch(self, page: Page, session: CDPSession) -> None:
        """Watch a page from now on; `session` is one of its own."""
        self._session = session
        page.on("request", self._on_request)
        session.on("Network.dataReceived", lambda event: self._on_data(page, event))

    async def count(self) -> None:
        """Count from now on what comes in; not always, for the browser then sends much else."""
        if self._session:
            # The page has buffers of its own; these are for developer tools.
            await self._session.send("Network.enable", {"maxTotalBufferSize": 0})

    def _on_request(self, request: Request) -> None:
        # What a page loads for itself is not a response to us; of a redirected fetch only the type
        # shows that it is.
        is_ours = request.redirected_from or request.resource_type in _FETCHES
        if is_ours and origin_of(request.url) not in (self._origin, origin_of(CHALLENGES)):
            self.refused = request.url

    def _on_data(self, page: Page, event: dict[str, Any]) -> None:
        response = event["requestId"]
        self._received[response] = self._received.get(response, 0) + event["dataLength"]
        if self._received[response] > self._limit and not self.exceeded:
            self.exceeded = True
            self._closing = asyncio.create_task(_close(page))  # the loop holds tasks only weakly


async def _close(page: Page) -> None:
    with contextlib.suppress(PlaywrightError):  # it may be gone already
        await page.close()


def origin_of(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
