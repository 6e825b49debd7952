"""Reads accounts with a real browser: one per pass, with an isolated context per account.

Cloudflare checks the client, so the requests are made from inside the browser.
Source: the facts of the service, "The two requests".
"""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import as_completed
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, cast

from playwright.async_api import Error as PlaywrightError

from cldmon.claude import browser as browsers
from cldmon.claude import identity
from cldmon.claude.account_session import AccountSession
from cldmon.claude.cookie_store import CookieStore, remove_idle, session_cookie
from cldmon.claude.errors import AccountError
from cldmon.claude.launch import CLOSE_SECONDS, close, run_browser
from cldmon.claude.network_guard import assert_isolated, host_resolver_rules
from cldmon.claude.temp_dir import private_temp_dir
from cldmon.domain.model import Failure, FailureKind
from cldmon.domain.ports import ReadRequest
from cldmon.domain.proxy import find_env_proxies
from cldmon.errors import BrowserError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from playwright.async_api import Browser, BrowserContext, StorageState

    from cldmon.claude.browser import BrowserSettings
    from cldmon.domain.ports import Lookup, ReadResult
    from cldmon.domain.proxy import Proxy
    from cldmon.domain.secret import Secret

    End = Callable[[str, ReadResult | Failure], None]


@dataclass(eq=False, repr=False)
class BrowserSource:
    """The Playwright source. `url` is the service's; `folder` holds cookies between passes.

    `now` returns the UTC time. `env` is used to find the browser, which also inherits it.
    """

    settings: BrowserSettings
    _: KW_ONLY
    url: str
    folder: Path
    now: Callable[[], datetime]
    env: Mapping[str, str]

    def __post_init__(self) -> None:
        self.url = self.url.rstrip("/")

    def read(
        self, lookups: Mapping[str, Lookup], done: Callable[[str], None]
    ) -> dict[str, ReadResult | Failure]:
        """Return a result or a failure for each label; see `collector.Source`.

        The settings limit the time of each account, and so of the pass.
        """
        results: dict[str, ReadResult | Failure] = {}

        def end(label: str, result: ReadResult | Failure) -> None:
            results[label] = result
            done(label)

        remove_idle(self.folder, self.now())
        # The failure of the accounts for which nothing below calls `end`.
        rest = AccountError(FailureKind.NO_BROWSER, "it died").failure
        try:
            executables = browsers.find_browsers(self.settings, self.env)
            # Start a browser as soon as the first key is known.
            requests = (lookup.result() for lookup in as_completed(lookups.values()))
            if any(isinstance(request, ReadRequest) for request in requests):
                with private_temp_dir(self.folder) as temp_dir:
                    asyncio.run(self._run_pass(executables, temp_dir, lookups, end))
        except TimeoutError:
            rest = AccountError(FailureKind.TIMEOUT, "the pass took too long").failure
        except (BrowserError, StoreError) as error:
            rest = Failure(FailureKind.NO_BROWSER, str(error))
        for label, lookup in lookups.items():
            if label not in results:
                request = lookup.result()
                end(label, request if isinstance(request, Failure) else rest)
        return results

    @property
    def executable(self) -> str:
        """The path of the browser to start first; raises BrowserError if there is none."""
        return browsers.find_browser(self.settings, self.env)

    @property
    def proxy(self) -> Proxy | None:
        """The browser's proxy; raises BrowserError for an invalid one."""
        return self.settings.find_proxy(self.url, self.env)

    def version(self) -> str:
        """Start the browser and return its version.

        Raise StoreError, or BrowserError, also if the browser can reach other servers.
        """
        executables = browsers.find_browsers(self.settings, self.env)

        async def start(temp_dir: Path) -> str:
            async with self._open_browser(executables, temp_dir) as browser:
                await assert_isolated(browser)
                return browser.version

        with private_temp_dir(self.folder) as temp_dir:
            return asyncio.run(start(temp_dir))

    def _open_browser(
        self, executables: Sequence[str], temp_dir: Path
    ) -> AbstractAsyncContextManager[Browser]:
        proxy = self.proxy
        proxies = [proxy.server] if proxy else []
        options = [host_resolver_rules(self.url, [*proxies, *find_env_proxies(self.env)])]
        return run_browser(self.settings, executables, temp_dir, self.env, proxy, options)

    async def _run_pass(
        self, executables: Sequence[str], temp_dir: Path, lookups: Mapping[str, Lookup], end: End
    ) -> None:
        concurrency = browsers.tune_concurrency(self.settings, len(lookups))
        rounds = math.ceil(len(lookups) / concurrency)
        slots = asyncio.Semaphore(concurrency)
        settings = self.settings
        seconds = settings.start_timeout + rounds * (settings.timeout + CLOSE_SECONDS)
        async with (
            asyncio.timeout(seconds) as deadline,
            self._open_browser(executables, temp_dir) as browser,
        ):

            async def read_one(label: str, lookup: Lookup) -> None:
                request = await asyncio.wrap_future(lookup)
                # A slow look-up does not shorten the time for reading.
                deadline.reschedule(asyncio.get_running_loop().time() + seconds)
                if isinstance(request, ReadRequest):  # `read` reports failures
                    async with slots:
                        end(label, await self._read_account(browser, request))

            await asyncio.gather(*(read_one(*each) for each in lookups.items()))

    async def _read_account(self, browser: Browser, request: ReadRequest) -> ReadResult | Failure:
        try:
            async with asyncio.timeout(self.settings.timeout) as limit:
                deadline = (limit.when() or 0.0) - CLOSE_SECONDS
                return await self._read_in_context(browser, request, deadline)
        except TimeoutError:
            return AccountError(FailureKind.TIMEOUT, f"{self.settings.timeout:g} s").failure
        except AccountError as error:
            return error.failure
        except PlaywrightError as error:
            # We never close a page that is being read, so the browser or the driver has died.
            if not browser.is_connected() or "has been closed" in error.message:
                return AccountError(FailureKind.NO_BROWSER, "it died in mid-pass").failure
            if "crash" in error.message:
                return AccountError(FailureKind.NO_BROWSER, "its page crashed").failure
            return AccountError(FailureKind.SERVICE_DOWN, "the answer broke off").failure
        except Exception as error:
            return Failure.unexpected(error)

    async def _read_in_context(
        self, browser: Browser, request: ReadRequest, deadline: float
    ) -> ReadResult:
        store = CookieStore(self.folder, request.label, request.key)
        context = await self._open_context(browser, store, request.key)
        try:
            session = AccountSession(
                context,
                self.url,
                request,
                identity.user_agent_override(self.settings, browser.version),
                deadline,
                self.settings.challenge_timeout,
                self.now,
            )
            try:
                result = await session.read()
            except AccountError as error:
                if error.failure.kind in (FailureKind.CHALLENGED, FailureKind.KEY_EXPIRED):
                    store.clear()
                raise
            store.save(await session.cookies())
            return result
        finally:
            await close(context)

    async def _open_context(
        self, browser: Browser, store: CookieStore, key: Secret
    ) -> BrowserContext:
        """Open a context with the account's cookies, or only the key if a cookie is refused."""
        kept = store.load(self.now())
        cookies = [*kept, session_cookie(self.url, key)]
        try:
            return await browser.new_context(
                storage_state=cast("StorageState", {"cookies": cookies, "origins": []}),
                # A page's policy must not forbid our next request from inside it.
                bypass_csp=True,
            )
        except PlaywrightError:
            if not kept or not browser.is_connected():
                raise
        store.clear()
        return await self._open_context(browser, store, key)
