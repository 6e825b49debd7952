"""Reads accounts through a real browser: one for the pass, an isolated context for each account.

Cloudflare judges the client, so the questions are asked from inside the browser.
Source: the facts of the service, "The two requests".
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING, cast

from playwright.async_api import Error as PlaywrightError

from cldmon.claude import browser as browsers
from cldmon.claude.conversation import Conversation
from cldmon.claude.driver import driver
from cldmon.claude.jar import Jar
from cldmon.claude.scratch import scratch_folder
from cldmon.domain.answers import AccountFailed, failed
from cldmon.domain.model import Failure, FailureKind
from cldmon.errors import BrowserError, StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from playwright.async_api import Browser, BrowserContext, StorageState

    from cldmon.claude.browser import BrowserSettings
    from cldmon.domain.asking import Answer, Question

    End = Callable[[Question, Answer | Failure], None]

_START_SECONDS = 30.0
_CLOSE_SECONDS = 5.0


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
        self, questions: Sequence[Question], done: Callable[[str], None]
    ) -> dict[str, Answer | Failure]:
        """Return an answer or a failure for each question; see `collector.Source`.

        Each account has the time-out of the settings, and the pass what they add up to.
        """
        results: dict[str, Answer | Failure] = {}

        def end(question: Question, result: Answer | Failure) -> None:
            results[question.label] = result
            done(question.label)

        rest = self._run(questions, end)
        for question in questions:
            if question.label not in results:
                end(question, rest)
        return results

    def _run(self, questions: Sequence[Question], end: End) -> Failure:
        """Ask every question; return what became of those that did not come to an end."""
        try:
            executable = browsers.find(self._settings, self._env)
            with scratch_folder(self._folder):
                asyncio.run(self._pass(executable, questions, end))
        except TimeoutError:
            return failed(FailureKind.TIMEOUT, "the pass took too long").failure
        except (BrowserError, StoreError) as error:
            return Failure(FailureKind.NO_BROWSER, str(error))
        return failed(FailureKind.NO_BROWSER, "it died").failure

    async def _pass(self, executable: str, questions: Sequence[Question], end: End) -> None:
        at_once = browsers.tuned_concurrency(self._settings, len(questions))
        rounds = math.ceil(len(questions) / at_once)
        places = asyncio.Semaphore(at_once)
        seconds = _START_SECONDS + rounds * (self._settings.timeout + _CLOSE_SECONDS)
        async with asyncio.timeout(seconds), self._browser(executable) as browser:

            async def one(question: Question) -> None:
                async with places:
                    end(question, await self._account(browser, question))

            await asyncio.gather(*map(one, questions))

    @contextlib.asynccontextmanager
    async def _browser(self, executable: str) -> AsyncIterator[Browser]:
        async with driver() as playwright:
            try:
                browser = await playwright.chromium.launch(
                    executable_path=executable,
                    headless=self._settings.headless,
                    chromium_sandbox=self._settings.sandboxed,
                    timeout=_START_SECONDS * 1000,
                    env=browsers.clean_environment(self._env),
                    handle_sigint=False,
                    handle_sigterm=False,
                    handle_sighup=False,
                )
            except PlaywrightError as error:
                raise BrowserError(_why_not_started(executable, str(error))) from error
            try:
                yield browser
            finally:
                with contextlib.suppress(PlaywrightError):
                    await browser.close()

    async def _account(self, browser: Browser, question: Question) -> Answer | Failure:
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await self._ask(browser, question)
        except TimeoutError:
            return failed(FailureKind.TIMEOUT, f"{self._settings.timeout:g} s").failure
        except AccountFailed as outcome:
            return outcome.failure
        except PlaywrightError as error:
            return _broken(error, alive=browser.is_connected()).failure

    async def _ask(self, browser: Browser, question: Question) -> Answer:
        jar = Jar(self._folder, question.label, question.key)
        cookies = jar.cookies(self._now())
        state = cast("StorageState", {"cookies": cookies, "origins": []})
        agent = browsers.user_agent(self._settings, browser.version)
        context = await browser.new_context(storage_state=state, user_agent=agent)
        try:
            return await self._converse(context, question, jar)
        finally:
            await _close(context)

    async def _converse(self, context: BrowserContext, question: Question, jar: Jar) -> Answer:
        conversation = Conversation(context, self._url, question, self._now)
        try:
            answer = await conversation.hold()
        except AccountFailed as outcome:
            if outcome.failure.kind in (FailureKind.CHALLENGED, FailureKind.KEY_EXPIRED):
                jar.empty()
            raise
        jar.keep(await conversation.cookies())
        return answer


def _broken(error: PlaywrightError, *, alive: bool) -> AccountFailed:
    if not alive:
        return failed(FailureKind.NO_BROWSER, "it died in mid-pass")
    if "crash" in error.message:
        return failed(FailureKind.NO_BROWSER, "its page crashed")
    return failed(FailureKind.SERVICE_DOWN, "the answer broke off")


async def _close(context: BrowserContext) -> None:
    # A hanging page must not hold the account's place; the browser's end closes it for good.
    with contextlib.suppress(PlaywrightError, TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await context.close()


def _why_not_started(executable: str, message: str) -> str:
    known = {
        "sandbox": "its sandbox cannot start here: allow unprivileged user namespaces, or set"
        " browser.sandbox = false where nobody else uses the machine",
        "Missing X server": "there is no display: set browser.headless = true, or run it in Xvfb",
        "shared libraries": "a library is missing: install Debian's chromium-headless-shell",
        "Timeout": f"it did not start within {_START_SECONDS:g} s",
    }
    reason = next((words for sign, words in known.items() if sign in message), "it ended at once")
    return f"the browser {executable} cannot be started: {reason}; `cldmon doctor` tells more"
