"""Reads accounts through a real browser: one for the pass, an isolated context for each account.

Cloudflare judges the client, so the questions are asked from inside the browser.
Source: the facts of the service, "The two requests".
"""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import as_completed
from typing import TYPE_CHECKING, cast

from playwright.async_api import Error as PlaywrightError

from cldmon.claude import browser as browsers
from cldmon.claude import identity
from cldmon.claude.account_session import AccountSession
from cldmon.claude.cookie_store import CookieStore, forget_idle, session_cookie
from cldmon.claude.errors import AccountFailed, failed
from cldmon.claude.launch import CLOSE_SECONDS, close, running
from cldmon.claude.network_guard import assert_isolated, host_resolver_rules
from cldmon.claude.temp_dir import private_temp_dir
from cldmon.domain.model import Failure, FailureKind
from cldmon.domain.ports import ReadRequest
from cldmon.domain.proxy import proxies_of
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


class BrowserSource:
    """The Playwright source. `url` is the service's; `folder` keeps cookies between passes.

    `now` gives the UTC time; `env` is where a browser is looked for, and what it inherits.
    """

    def __init__(
        self,
        settings: BrowserSettings,
        *,
        url: str,
        folder: Path,
        now: Callable[[], datetime],
        env: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self._url = url.rstrip("/")
        self._folder = folder
        self._now = now
        self._env = env

    def read(
        self, lookups: Mapping[str, Lookup], done: Callable[[str], None]
    ) -> dict[str, ReadResult | Failure]:
        """Return an answer or a failure for each label; see `collector.Source`.

        Each account has the time-out of the settings, and the pass what they add up to.
        """
        results: dict[str, ReadResult | Failure] = {}

        def end(label: str, result: ReadResult | Failure) -> None:
            results[label] = result
            done(label)

        rest = self._run(lookups, end)
        for label, lookup in lookups.items():
            if label not in results:
                question = lookup.result()
                end(label, question if isinstance(question, Failure) else rest)
        return results

    @property
    def executable(self) -> str:
        """The path of the browser that is started first; raises BrowserError without any."""
        return browsers.candidates(self._settings, self._env)[0]

    @property
    def sandboxed(self) -> bool:
        """Whether the browser runs in its sandbox."""
        return self._settings.sandboxed

    @property
    def proxy(self) -> Proxy | None:
        """The proxy that the browser asks through; raises BrowserError for one of no use."""
        return self._settings.find_proxy(self._url, self._env)

    def version(self) -> str:
        """Start the browser and return its version.

        Raises StoreError, and BrowserError: also where it can be led to another place than ours.
        """
        executables = browsers.candidates(self._settings, self._env)
        with private_temp_dir(self._folder) as temp_dir:
            return asyncio.run(self._version(executables, temp_dir))

    async def _version(self, executables: Sequence[str], temp_dir: Path) -> str:
        async with self._browser(executables, temp_dir) as browser:
            await assert_isolated(browser)
            return browser.version

    def _browser(
        self, executables: Sequence[str], temp_dir: Path
    ) -> AbstractAsyncContextManager[Browser]:
        proxy = self.proxy
        proxies = [proxy.server] if proxy else []
        options = [host_resolver_rules(self._url, [*proxies, *proxies_of(self._env)])]
        return running(self._settings, executables, temp_dir, self._env, proxy, options)

    def _run(self, lookups: Mapping[str, Lookup], end: End) -> Failure:
        """Ask every question; return what became of those that did not come to an end."""
        forget_idle(self._folder, self._now())
        try:
            executables = browsers.candidates(self._settings, self._env)
            # A browser is started for the first key that is there.
            if any(
                isinstance(found.result(), ReadRequest) for found in as_completed(lookups.values())
            ):
                with private_temp_dir(self._folder) as temp_dir:
                    asyncio.run(self._pass(executables, temp_dir, lookups, end))
        except TimeoutError:
            return failed(FailureKind.TIMEOUT, "the pass took too long").failure
        except (BrowserError, StoreError) as error:
            return Failure(FailureKind.NO_BROWSER, str(error))
        return failed(FailureKind.NO_BROWSER, "it died").failure

    async def _pass(
        self, executables: Sequence[str], temp_dir: Path, lookups: Mapping[str, Lookup], end: End
    ) -> None:
        at_once = browsers.tuned_concurrency(self._settings, len(lookups))
        rounds = math.ceil(len(lookups) / at_once)
        places = asyncio.Semaphore(at_once)
        settings = self._settings
        seconds = settings.start_timeout + rounds * (settings.timeout + CLOSE_SECONDS)
        async with (
            asyncio.timeout(seconds) as deadline,
            self._browser(executables, temp_dir) as browser,
        ):

            async def one(label: str, lookup: Lookup) -> None:
                question = await asyncio.wrap_future(lookup)
                # The time that a look-up took is not taken from the reading.
                deadline.reschedule(asyncio.get_running_loop().time() + seconds)
                if isinstance(question, Failure):
                    return  # it is told when all others have ended
                async with places:
                    end(label, await self._account(browser, question))

            await asyncio.gather(*(one(*each) for each in lookups.items()))

    async def _account(self, browser: Browser, question: ReadRequest) -> ReadResult | Failure:
        try:
            async with asyncio.timeout(self._settings.timeout) as limit:
                deadline = (limit.when() or 0.0) - CLOSE_SECONDS
                return await self._ask(browser, question, deadline)
        except TimeoutError:
            return failed(FailureKind.TIMEOUT, f"{self._settings.timeout:g} s").failure
        except AccountFailed as outcome:
            return outcome.failure
        except PlaywrightError as error:
            return _broken(error, alive=browser.is_connected()).failure
        except Exception as error:
            return Failure.unexpected(error)

    async def _ask(self, browser: Browser, question: ReadRequest, deadline: float) -> ReadResult:
        store = CookieStore(self._folder, question.label, question.key)
        context = await self._context(browser, store, question.key)
        try:
            user_agent = identity.user_agent_override(self._settings, browser.version)
            session = AccountSession(
                context,
                self._url,
                question,
                user_agent=user_agent,
                deadline=deadline,
                now=self._now,
            )
            return await _read(session, store)
        finally:
            await close(context)

    async def _context(self, browser: Browser, store: CookieStore, key: Secret) -> BrowserContext:
        """Open an account's context with its cookies; with the key alone if one is refused."""
        kept = store.cookies(self._now())
        cookies = [*kept, session_cookie(self._url, key)]
        try:
            return await browser.new_context(
                storage_state=cast("StorageState", {"cookies": cookies, "origins": []}),
                # The policy of one answer must not forbid to ask for the next from inside it.
                bypass_csp=True,
            )
        except PlaywrightError:
            if not kept or not browser.is_connected():
                raise
        store.empty()
        return await self._context(browser, store, key)


async def _read(session: AccountSession, store: CookieStore) -> ReadResult:
    try:
        answer = await session.read()
    except AccountFailed as outcome:
        if outcome.failure.kind in (FailureKind.CHALLENGED, FailureKind.KEY_EXPIRED):
            store.empty()
        raise
    store.keep(await session.cookies())
    return answer


def _broken(error: PlaywrightError, *, alive: bool) -> AccountFailed:
    # We close nothing that is still asked: it was the browser that went, or the driver before it.
    if not alive or "has been closed" in error.message:
        return failed(FailureKind.NO_BROWSER, "it died in mid-pass")
    if "crash" in error.message:
        return failed(FailureKind.NO_BROWSER, "its page crashed")
    return failed(FailureKind.SERVICE_DOWN, "the answer broke off")
