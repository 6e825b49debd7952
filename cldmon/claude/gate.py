"""What stands between an account's page and the network: it asks the service alone, and for little.

A browser takes a cookie wherever a redirect leads on the same host, other ports included, and reads
whatever comes. The gate sees each request before it leaves, those of redirects too, which
Playwright's own routes do not, and counts what comes in where an answer does not state its length.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from playwright.async_api import CDPSession, Page

_FETCHES = ("Fetch", "XHR")
_PORTS = {"http": 80, "https": 443}


class Gate:
    """The gate of one page; `url` is the service's. An answer may have `most` bytes, unpacked.

    `refused` is where a redirect led that was not followed; `flooded` says that an answer was
    longer, for which the page is closed.
    """

    def __init__(self, url: str, most: int) -> None:
        self.refused: str | None = None
        self.flooded = False
        self._origin = _origin(url)
        self._most = most
        self._session: CDPSession | None = None
        self._received: dict[str, int] = {}
        self._at_work: set[asyncio.Task[None]] = set()

    async def guard(self, page: Page, session: CDPSession) -> None:
        """Stand before a page from now on; `session` is one of its own."""
        self._session = session
        session.on("Fetch.requestPaused", lambda event: self._judge(session, event))
        session.on("Network.dataReceived", lambda event: self._count(page, event))
        await session.send("Fetch.enable", {"patterns": [{"urlPattern": "*"}]})

    async def count(self) -> None:
        """Count from now on what comes in; not always, for the browser then tells much else."""
        if self._session:
            # The page's own buffers do; these are for who looks on.
            await self._session.send("Network.enable", {"maxTotalBufferSize": 0})

    def _judge(self, session: CDPSession, event: dict[str, Any]) -> None:
        asked, url = {"requestId": event["requestId"]}, event["request"]["url"]
        if _origin(url) == self._origin:
            self._begin(session.send("Fetch.continueRequest", asked))
            return
        # What a page draws in by itself is no answer; of a redirected fetch only the type tells.
        if "redirectedRequestId" in event or event.get("resourceType") in _FETCHES:
            self.refused = url
        no = {**asked, "errorReason": "BlockedByClient"}
        self._begin(session.send("Fetch.failRequest", no))

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


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
