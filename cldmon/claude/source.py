"""Reads accounts through a real browser: one for the pass, an isolated context for each account.

Cloudflare judges the client, so the requests are made from inside the browser.
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
    """The Playwright source. `url` is the service's; `folder` keeps cookies between passes.

    `now` gives the UTC time; `env` is where a browser is looked for, and its environment.
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

        Each account has the time-out of the settings, and the pass what they add up to.
        """
        results: dict[str, ReadResult | Failure] = {}

        def end(label: str, result: ReadResult | Failure) -> None:
            results[label] = result
            done(label)

        rest = self._read_all(lookups, end)
        for label, lookup in lookups.items():
            if label not in results:
                request = lookup.result()
                end(label, request if isinstance(request, Failure) else rest)
        return results

    @property
    def executable(self) -> str:
        """The path of the browser that is started first; raises BrowserError without any."""
        return browsers.find_browsers(self.settings, self.env)[0]

    @property
    def sandboxed(self) -> bool:
        """Whether the browser runs in its sandbox."""
        return self.settings.sandboxed

    @property
    def proxy(self) -> Proxy | None:
        """The browser's proxy; raises BrowserError for an invalid one."""
        return self.settings.find_proxy(self.url, self.env)

    def version(self) -> str:
        """Start the browser and return its version.

        Raises StoreError, and BrowserError: also if the browser can reach other servers than ours.
        """
        executables = browsers.find_browsers(self.settings, self.env)

        async def start(temp_dir: Path) -> str:
            async with self._browser(executables, temp_dir) as browser:
                await assert_isolated(browser)
                return browser.version

        with private_temp_dir(self.folder) as temp_dir:
            return asyncio.run(start(temp_dir))

    def _browser(
        self, executables: Sequence[str], temp_dir: Path
    ) -> AbstractAsyncContextManager[Browser]:
        proxy = self.proxy
        proxies = [proxy.server] if proxy else []
        options = [host_resolver_rules(self.url, [*proxies, *find_env_proxies(self.env)])]
        return run_browser(self.settings, executables, temp_dir, self.env, proxy, options)

    def _read_all(self, lookups: Mapping[str, Lookup], end: End) -> Failure:
        """Read every account; return what became of those that did not come to an end."""
        remove_idle(self.folder, self.now())
        try:
            executables = browsers.find_browsers(self.settings, self.env)
            # A browser is started for the first key that is there.
            if any(
                isinstance(found.result(), ReadRequest) for found in as_completed(lookups.values())
            ):
                with private_temp_dir(self.folder) as temp_dir:
                    asyncio.run(self._pass(executables, temp_dir, lookups, end))
        except TimeoutError:
            return AccountError(FailureKind.TIMEOUT, "the pass took too long").failure
        except (BrowserError, StoreError) as error:
            return Failure(FailureKind.NO_BROWSER, str(error))
        return AccountError(FailureKind.NO_BROWSER, "it died").failure

    async def _pass(
        self, executables: Sequence[str], temp_dir: Path, lookups: Mapping[str, Lookup], end: End
    ) -> None:
        concurrency = browsers.tune_concurrency(self.settings, len(lookups))
        rounds = math.ceil(len(lookups) / concurrency)
        slots = asyncio.Semaphore(concurrency)
        settings = self.settings
        seconds = settings.start_timeout + rounds * (settings.timeout + CLOSE_SECONDS)
        async with (
            asyncio.timeout(seconds) as deadline,
            self._browser(executables, temp_dir) as browser,
        ):

            async def read_one(label: str, lookup: Lookup) -> None:
                request = await asyncio.wrap_future(lookup)
                # The time that a look-up took is not taken from the reading.
                deadline.reschedule(asyncio.get_running_loop().time() + seconds)
                if isinstance(request, ReadRequest):  # failures are reported after all others
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
            # We close nothing that is still read: the browser has ended, or the driver before it.
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
        context = await self._context(browser, store, request.key)
        try:
            session = AccountSession(
                context,
                self.url,
                request,
                identity.user_agent_override(self.settings, browser.version),
                deadline,
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

    async def _context(self, browser: Browser, store: CookieStore, key: Secret) -> BrowserContext:
        """Open an account's context with its cookies; with the key alone if one is refused."""
        kept = store.load(self.now())
        cookies = [*kept, session_cookie(self.url, key)]
        try:
            return await browser.new_context(
                storage_state=cast("StorageState", {"cookies": cookies, "origins": []}),
                # The policy of one page must not forbid the next request from inside it.
                bypass_csp=True,
            )
        except PlaywrightError:
            if not kept or not browser.is_connected():
                raise
        store.clear()
        return await self._context(browser, store, key)
