"""The questions of one account, asked in its own browser context."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from cldmon.claude import errors, usage
from cldmon.claude.cookie_store import SESSION_COOKIE, SESSION_COOKIES, session_cookie
from cldmon.claude.errors import (
    LARGEST_BODY,
    AccountFailed,
    HttpAnswer,
    OrganizationRefused,
    failed,
    no_organization,
    too_long,
)
from cldmon.claude.network_guard import NetworkGuard, origin
from cldmon.claude.organization import chats, find_candidates
from cldmon.domain.model import FailureKind
from cldmon.domain.ports import Organization, ReadRequest, ReadResult

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    from playwright.async_api import BrowserContext, Page, Response

    Ask = Callable[[Page, str], Awaitable[object]]

_ORGANIZATIONS = "/api/organizations"
_BLANK = "about:blank"
_SAVED_RESETS = "?cedar_ember=1"
_PASSAGE_SECONDS = 15.0
"""How long a challenge has to let the browser pass, of the account's time."""
_CLEAR_REFUSALS = (FailureKind.KEY_EXPIRED, FailureKind.CHALLENGED, FailureKind.RATE_LIMITED)

# Reads no more than `most` bytes, so that an endless answer ends.
_FETCH = """async ([path, most]) => {
  const answer = await fetch(path, {credentials: 'include', cache: 'no-store'});
  const reader = answer.body ? answer.body.getReader() : null;
  const decoder = new TextDecoder();
  let body = '';
  for (let size = 0; reader && size <= most;) {
    const {done, value} = await reader.read();
    if (done) break;
    body += decoder.decode(value, {stream: true});
    size += value.length;
  }
  if (reader) reader.cancel().catch(() => null);
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    url: answer.url,
    body: body + decoder.decode(),
  };
}"""


class AccountSession:
    """Asks one account's questions: one request where its organization is remembered, else two.

    Its session cookie is in `context`; `user_agent` is what `identity.user_agent_override` returns;
    at `deadline` (of the running loop) it has to be done.
    """

    def __init__(
        self,
        context: BrowserContext,
        url: str,
        question: ReadRequest,
        *,
        user_agent: dict[str, Any] | None,
        deadline: float,
        now: Callable[[], datetime],
    ) -> None:
        self._context = context
        self._user_agent = user_agent
        self._url = url
        self._question = question
        self._deadline = deadline
        self._now = now
        self._guard = NetworkGuard(url, LARGEST_BODY)
        self._navigations: asyncio.Queue[Response | None] = asyncio.Queue()
        self._has_ended = False
        self._challenged = False
        self._saved_resets_refused = False

    async def read(self) -> ReadResult:
        """Return the account's reading; raises `AccountFailed`, or PlaywrightError if it dies."""
        page = await self._new_page()
        remembered = self._question.remembered
        if remembered is None:
            return await self._look_up(page)
        try:
            body = await self._usage(page, remembered, self._open)
        except AccountFailed as outcome:
            if outcome.failure.kind is not FailureKind.WRONG_ORGANIZATION:
                raise
            return await self._look_up(page)
        return self._answer(body, remembered, looked_up=False)

    async def cookies(self) -> list[Any]:
        """Return the cookies that the service has set for itself."""
        return list(await self._context.cookies(self._url + _ORGANIZATIONS))

    async def _new_page(self) -> Page:
        page = await self._context.new_page()
        session = await self._context.new_cdp_session(page)
        if self._user_agent:
            await session.send("Emulation.setUserAgentOverride", self._user_agent)
        self._guard.watch(page, session)
        page.on("response", self._note_response)
        for end in ("close", "crash"):
            page.on(cast("Any", end), self._note_end)
        return page

    def _note_end(self, _: Page) -> None:
        self._has_ended = True
        self._navigations.put_nowait(None)  # wakes who waits for one

    def _note_response(self, response: Response) -> None:
        with contextlib.suppress(PlaywrightError):  # it is not known of which frame
            if response.request.is_navigation_request() and response.frame.parent_frame is None:
                self._navigations.put_nowait(response)

    async def _look_up(self, page: Page) -> ReadResult:
        """Ask the organizations of the key in turn; return what the first that it opens answers."""
        listed = await self._open(page, _ORGANIZATIONS)
        if not isinstance(listed, list):
            raise failed(FailureKind.NOT_UNDERSTOOD, "no list of organizations")
        configured = self._question.organization
        last_active = _values(await self._context.cookies(), "lastActiveOrg")
        candidates = find_candidates(
            listed, configured=configured, last_active=next(iter(last_active), None)
        )
        for organization in candidates:
            with contextlib.suppress(OrganizationRefused):
                body = await self._usage(page, organization, self._fetch)
                return self._answer(body, organization, looked_up=True)
        refused = {organization.uuid for organization in candidates} if configured else ()
        opened = [each for each in chats(listed) if each.uuid not in refused]
        raise no_organization(configured, opened)

    async def _usage(self, page: Page, organization: Organization, ask: Ask) -> object:
        """Ask for the usage, with saved resets where the service does not refuse that."""
        path = f"{_ORGANIZATIONS}/{organization.uuid}/usage"
        self._saved_resets_refused = False
        if self._question.saved_resets:
            try:
                return await ask(page, path + _SAVED_RESETS)
            except AccountFailed as outcome:
                if not _may_refuse_parameter(outcome):
                    raise
            self._saved_resets_refused = True
        return await ask(page, path)

    def _answer(self, body: object, organization: Organization, *, looked_up: bool) -> ReadResult:
        reading = usage.parse(body, taken_at=self._now(), organization=organization)
        if reading is None:
            raise failed(FailureKind.NOT_UNDERSTOOD, "no usage in it")
        return ReadResult(
            reading, organization, looked_up, self._saved_resets_refused, self._challenged
        )

    async def _open(self, page: Page, path: str) -> object:
        """Navigate to a path and return the JSON that the page arrives at."""
        if page.url != _BLANK:
            await self._restore_key()
        async with self._translated_errors(page):
            # The time-out is the caller's, for all that an account needs together.
            response = await page.goto(self._url + path, wait_until="commit", timeout=0)
            if response is None:
                raise failed(FailureKind.NOT_UNDERSTOOD, "no answer at all")
            while not self._navigations.empty() and self._navigations.get_nowait() != response:
                pass
            answer = await self._receive(response, path)
            if answer.is_challenge and answer.is_html:
                answer = await self._await_passage(page, path)
        return errors.read(answer, now=self._now())

    async def _await_passage(self, page: Page, path: str) -> HttpAnswer:
        """Leave the page alone with a challenge; return what it arrives at.

        Such a page runs a script and reloads, as in any browser; where it wants a person, it stays.
        """
        self._challenged = True
        ends_at = asyncio.get_running_loop().time() + _PASSAGE_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(min(ends_at, self._deadline)):
                while True:
                    response = await self._navigations.get()
                    if response is None:
                        await page.evaluate("0")  # raises, for the page has gone
                    elif not 300 <= response.status < 400:
                        answer = await self._receive(response, path)
                        if not answer.is_challenge:
                            return answer
        raise failed(FailureKind.CHALLENGED)

    async def _receive(self, response: Response, path: str) -> HttpAnswer:
        """Return what a navigation was answered with."""
        stated = _stated_length(response)
        if stated is None:
            await self._guard.count()
        elif stated > LARGEST_BODY:
            raise too_long()
        redirected_to = self._redirected_to(response.url, path)
        answer = HttpAnswer(response.status, b"", response.headers, redirected_to)
        # Playwright has no body for redirects, wherever they lead or do not, and for a proxy's no.
        if answer.is_challenge or 300 <= response.status < 400 or response.status == 407:
            return answer
        try:
            return replace(answer, body=await response.body())
        except PlaywrightError:
            is_page_gone = self._has_ended or self._navigations.empty()
            if is_page_gone or not (answer.is_html and answer.status in (403, 503)):
                raise
            # It has moved on before it was read: only a challenge reloads by itself.
            return replace(answer, headers={**answer.headers, "cf-mitigated": "challenge"})

    async def _fetch(self, page: Page, path: str) -> object:
        """Ask from inside the page that is open and return the JSON."""
        await self._restore_key()
        async with self._translated_errors(page):
            found = await page.evaluate(_FETCH, [path, LARGEST_BODY])
        answer = HttpAnswer(
            found["status"],
            found["body"].encode(),
            found["headers"],
            self._redirected_to(found["url"], path),
        )
        if answer.is_challenge:
            self._challenged = True
            return await self._open(page, path)  # a page can pass it, what a page fetches cannot
        return errors.read(answer, now=self._now())

    def _redirected_to(self, url: str, path: str) -> str | None:
        """Return where a request has ended, if not where it was to."""
        asked = self._url + path
        is_same = origin(url) == origin(asked) and urlsplit(url).path == urlsplit(asked).path
        return None if is_same else url

    @contextlib.asynccontextmanager
    async def _translated_errors(self, page: Page) -> AsyncIterator[None]:
        """Raise `AccountFailed` in place of PlaywrightError, unless page or browser have died."""
        self._guard.refused = None
        try:
            yield
        except PlaywrightError as error:
            if self._guard.flooded:
                raise too_long() from error
            if self._guard.refused:
                errors.refuse_redirect(self._guard.refused)
            if "ERR_ABORTED" in error.message:
                await page.evaluate("0")  # raises if the page has crashed
            raise _unanswered(error) from error

    async def _restore_key(self) -> None:
        """Undo what an answer may have done: it may have added, changed or cleared the key."""
        key, cookies = self._question.key, await self._context.cookies()
        present = [(name, value) for name in SESSION_COOKIES for value in _values(cookies, name)]
        if present != [(SESSION_COOKIE, key.reveal())]:
            for name in SESSION_COOKIES:
                await self._context.clear_cookies(name=name)
            await self._context.add_cookies([cast("Any", session_cookie(self._url, key))])


def _values(cookies: Sequence[Any], name: str) -> list[str]:
    return [cookie["value"] for cookie in cookies if cookie["name"] == name]


def _may_refuse_parameter(outcome: AccountFailed) -> bool:
    """Return whether the service may answer well where it is not asked for saved resets."""
    if outcome.failure.kind in _CLEAR_REFUSALS or outcome.status is None:
        return False
    return outcome.status in (400, 403, 404, 422) or outcome.status >= 500


def _stated_length(response: Response) -> int | None:
    """Return how many bytes an answer says it has; None if it does not, or packs them."""
    stated = re.fullmatch(r"0*([0-9]{1,18})", response.headers.get("content-length", ""))
    is_packed = "content-encoding" in response.headers
    return int(stated[1]) if stated and not is_packed else None


def _network_trouble(code: str) -> str:
    words = code.replace("_", " ").lower()
    return f"its certificate is not accepted: {words}" if code.startswith("CERT_") else words


def _unanswered(error: PlaywrightError) -> AccountFailed | PlaywrightError:
    """Return what it means that a request got no answer; a dead browser's error stays one."""
    if isinstance(error, PlaywrightTimeoutError):
        return failed(FailureKind.TIMEOUT)
    if "Download is starting" in error.message:
        return failed(FailureKind.NOT_UNDERSTOOD, "a download")
    if "ERR_ABORTED" in error.message:
        return failed(FailureKind.NOT_UNDERSTOOD, "an answer without content")
    network = re.search(r"net::ERR_(\w+)", error.message)
    if network:
        return failed(FailureKind.SERVICE_DOWN, _network_trouble(network[1]))
    if "Failed to fetch" in error.message:
        return failed(FailureKind.SERVICE_DOWN, "the connection broke")
    return error
