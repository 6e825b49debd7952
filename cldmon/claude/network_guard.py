"""What keeps an account's page to the service: it can reach nothing else, and reads little.

A browser takes a cookie wherever a redirect leads on the same host, other ports included, and reads
whatever comes. So it is started in a world in which there is the service alone; and what comes in
is counted where an answer does not state its length.
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
    from collections.abc import Awaitable, Iterable

    from playwright.async_api import Browser, CDPSession, Page, Request

CHALLENGES = "https://challenges.cloudflare.com"
"""Where a challenge of Cloudflare's takes its parts from. No cookie of the service goes there."""

_FETCHES = ("fetch", "xhr")
_PORTS = {"http": 80, "https": 443, "socks": 1080, "socks4": 1080, "socks5": 1080}
_ELSEWHERE_SECONDS = 5.0
_PLAIN_HOST = re.compile(r"[\w.:-]+", re.ASCII)


def host_resolver_rules(url: str, proxies: Iterable[str]) -> str:
    """Return the option with which a browser finds the service at `url`, and little else.

    That goes for all that it asks: redirects, frames, workers, and what it does by itself. What
    else it finds is `CHALLENGES`, and the `proxies`; what one of those reaches is its own affair.
    """
    found = filter(None, map(_place, (url, CHALLENGES, *proxies)))
    rules = [f"MAP {place} {place}" for place in dict.fromkeys(found)]
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


def _place(url: str) -> str | None:
    """Return `HOST:PORT` of a URL; None where it has none that a rule could name."""
    try:
        _, host, port = origin(url)
    except ValueError:
        return None
    if not (host and port and _PLAIN_HOST.fullmatch(host)):
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class NetworkGuard:
    """What one page asks and reads; `url` is the service's, an answer has `most` bytes, unpacked.

    `refused` is where a redirect led that was not to be followed; `flooded` says that an answer was
    longer, for which the page is closed.
    """

    def __init__(self, url: str, most: int) -> None:
        self.refused: str | None = None
        self.flooded = False
        self._origin = origin(url)
        self._most = most
        self._session: CDPSession | None = None
        self._received: dict[str, int] = {}
        self._at_work: set[asyncio.Task[None]] = set()

    def watch(self, page: Page, session: CDPSession) -> None:
        """Watch a page from now on; `session` is one of its own."""
        self._session = session
        page.on("request", self._note)
        session.on("Network.dataReceived", lambda event: self._count(page, event))

    async def count(self) -> None:
        """Count from now on what comes in; not always, for the browser then tells much else."""
        if self._session:
            # The page's own buffers do; these are for who looks on.
            await self._session.send("Network.enable", {"maxTotalBufferSize": 0})

    def _note(self, request: Request) -> None:
        # What a page draws in by itself is no answer; of a redirected fetch only the type tells.
        is_answer = request.redirected_from or request.resource_type in _FETCHES
        if is_answer and origin(request.url) not in (self._origin, origin(CHALLENGES)):
            self.refused = request.url

    def _count(self, page: Page, event: dict[str, Any]) -> None:
        answer = event["requestId"]
        self._received[answer] = self._received.get(answer, 0) + event["dataLength"]
        if self._received[answer] > self._most and not self.flooded:
            self.flooded = True
            self._begin(page.close())

    def _begin(self, work: Awaitable[object]) -> None:
        task = asyncio.ensure_future(_done(work))
        self._at_work.add(task)  # the loop itself holds tasks only weakly
        task.add_done_callback(self._at_work.discard)


async def _done(work: Awaitable[object]) -> None:
    with contextlib.suppress(PlaywrightError):  # the page went away meanwhile
        await work


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
