"""The requests of one account, made in its own browser context."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from cldmon.claude import errors, usage
from cldmon.claude.cookie_store import SESSION_COOKIE, SESSION_COOKIES, session_cookie
from cldmon.claude.errors import (
    MAX_BODY_BYTES,
    TOO_LONG,
    AccountError,
    HttpResponse,
    OrganizationRefusedError,
    no_organization,
    redirect_error,
)
from cldmon.claude.network_guard import NetworkGuard, parse_origin
from cldmon.claude.organization import find_candidates, list_chat_organizations
from cldmon.domain.model import FailureKind
from cldmon.domain.ports import Organization, ReadRequest, ReadResult

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime

    from playwright.async_api import BrowserContext, Page, Response

    Fetch = Callable[[str], Awaitable[object]]

_ORGANIZATIONS = "/api/organizations"
_BLANK = "about:blank"
_SAVED_RESETS = "?cedar_ember=1"
_CLEAR_REFUSALS = (FailureKind.KEY_EXPIRED, FailureKind.CHALLENGED, FailureKind.RATE_LIMITED)

# Reads at most `most` bytes, so that an endless response ends.
_FETCH = """async ([path, most]) => {
  const response = await fetch(path, {credentials: 'include', cache: 'no-store'});
  const reader = response.body ? response.body.getReader() : null;
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
    status: response.status,
    headers: Object.fromEntries(response.headers),
    url: response.url,
    body: body + decoder.decode(),
  };
}"""


@dataclass(eq=False, repr=False)
class AccountSession:
    """Reads one account, with one request if its organization is remembered, else two.

    `context` holds its session cookie, `user_agent` is from `identity.user_agent_override`,
    `deadline` is in the event loop's time, and a challenge may take `challenge_timeout` seconds.
    """

    context: BrowserContext
    url: str
    request: ReadRequest
    user_agent: dict[str, Any] | None
    deadline: float
    challenge_timeout: float
    now: Callable[[], datetime]
    _page: Page = field(init=False)
    _guard: NetworkGuard = field(init=False)
    _navigations: asyncio.Queue[Response | None] = field(default_factory=asyncio.Queue, init=False)
    _has_ended: bool = field(default=False, init=False)
    _challenged: bool = field(default=False, init=False)

    async def read(self) -> ReadResult:
        """Return the reading; raise `AccountError`, or PlaywrightError if page or browser dies."""
        self._page = page = await self.context.new_page()
        session = await self.context.new_cdp_session(page)
        if self.user_agent:
            await session.send("Emulation.setUserAgentOverride", self.user_agent)
        self._guard = NetworkGuard(page, session, self.url, MAX_BODY_BYTES)
        page.on("response", self._on_response)
        for event in ("close", "crash"):
            page.on(cast("Any", event), self._on_end)
        if remembered := self.request.remembered:
            try:
                return await self._read_usage(remembered, self._open, looked_up=False)
            except AccountError as error:
                if error.failure.kind is not FailureKind.WRONG_ORGANIZATION:
                    raise
        return await self._look_up()

    async def cookies(self) -> list[Any]:
        """Return the cookies that the service has set."""
        return list(await self.context.cookies(self.url + _ORGANIZATIONS))

    def _on_end(self, _: Page) -> None:
        self._has_ended = True
        self._navigations.put_nowait(None)  # wakes up a waiting task

    def _on_response(self, response: Response) -> None:
        with contextlib.suppress(PlaywrightError):  # the frame may be unknown
            if response.request.is_navigation_request() and response.frame.parent_frame is None:
                self._navigations.put_nowait(response)

    async def _look_up(self) -> ReadResult:
        """Return the reading of the first organization that the key opens."""
        listed = await self._open(_ORGANIZATIONS)
        if not isinstance(listed, list):
            raise AccountError(FailureKind.NOT_UNDERSTOOD, "no list of organizations")
        configured = self.request.organization
        cookies = await self.context.cookies()
        last_active = next((c["value"] for c in cookies if c["name"] == "lastActiveOrg"), None)
        candidates = find_candidates(listed, configured=configured, last_active=last_active)
        for organization in candidates:
            with contextlib.suppress(OrganizationRefusedError):
                return await self._read_usage(organization, self._fetch, looked_up=True)
        refused = {organization.uuid for organization in candidates} if configured else ()
        opened = [each for each in list_chat_organizations(listed) if each.uuid not in refused]
        raise no_organization(configured, opened)

    async def _read_usage(
        self, organization: Organization, fetch: Fetch, *, looked_up: bool
    ) -> ReadResult:
        """Return the reading, with saved resets unless the service refuses them."""
        path = f"{_ORGANIZATIONS}/{organization.uuid}/usage"
        body, is_refused = None, False
        if self.request.saved_resets:
            try:
                body = await fetch(path + _SAVED_RESETS)
            except AccountError as error:
                may_be_refused = error.status in (400, 403, 404, 422) or error.status >= 500
                if error.failure.kind in _CLEAR_REFUSALS or not may_be_refused:
                    raise
                is_refused = True
        if is_refused or not self.request.saved_resets:
            body = await fetch(path)
        reading = usage.parse(body, taken_at=self.now(), organization=organization)
        if reading is None:
            raise AccountError(FailureKind.NOT_UNDERSTOOD, "no usage in it")
        return ReadResult(reading, organization, looked_up, is_refused, self._challenged)

    async def _open(self, path: str) -> object:
        """Navigate to a path and return the JSON found there."""
        if self._page.url != _BLANK:
            await self._restore_key()
        async with self._translated_errors():
            # The caller sets one time-out for everything that an account needs.
            response = await self._page.goto(self.url + path, wait_until="commit", timeout=0)
            if response is None:
                raise AccountError(FailureKind.NOT_UNDERSTOOD, "no answer at all")
            while not self._navigations.empty() and self._navigations.get_nowait() != response:
                pass
            received = await self._receive(response, path)
            if received.is_challenge and received.is_html:
                received = await self._pass_challenge(path)
        return errors.parse_response(received, now=self.now())

    async def _pass_challenge(self, path: str) -> HttpResponse:
        """Wait until the page has passed a challenge; return the response that follows.

        The page runs a script and reloads, as in any browser, unless it needs a person.
        """
        self._challenged = True
        ends_at = asyncio.get_running_loop().time() + self.challenge_timeout
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(min(ends_at, self.deadline)):
                while True:
                    response = await self._navigations.get()
                    if response is None:
                        await self._page.evaluate("0")  # raises, since the page is gone
                    elif not 300 <= response.status < 400:
                        received = await self._receive(response, path)
                        if not received.is_challenge:
                            return received
        raise AccountError(FailureKind.CHALLENGED)

    async def _receive(self, response: Response, path: str) -> HttpResponse:
        length = re.fullmatch(r"0*([0-9]{1,18})", response.headers.get("content-length", ""))
        if length is None or "content-encoding" in response.headers:
            await self._guard.count()
        elif int(length[1]) > MAX_BODY_BYTES:
            raise AccountError(FailureKind.NOT_UNDERSTOOD, TOO_LONG)
        redirected_to = self._find_redirect(response.url, path)
        received = HttpResponse(response.status, b"", response.headers, redirected_to)
        # Playwright provides no body for redirects or for a proxy's refusal.
        if received.is_challenge or 300 <= response.status < 400 or response.status == 407:
            return received
        try:
            return replace(received, body=await response.body())
        except PlaywrightError:
            is_page_gone = self._has_ended or self._navigations.empty()
            if is_page_gone or not (received.is_html and received.status in (403, 503)):
                raise
            # The page moved on before it was read. Only challenges reload.
            return replace(received, headers={**received.headers, "cf-mitigated": "challenge"})

    async def _fetch(self, path: str) -> object:
        """Fetch a path from inside the open page and return the JSON."""
        await self._restore_key()
        async with self._translated_errors():
            found = await self._page.evaluate(_FETCH, [path, MAX_BODY_BYTES])
        response = HttpResponse(
            found["status"],
            found["body"].encode(),
            found["headers"],
            self._find_redirect(found["url"], path),
        )
        if response.is_challenge:
            self._challenged = True
            return await self._open(path)  # a page can pass a challenge, a fetch can't
        return errors.parse_response(response, now=self.now())

    def _find_redirect(self, url: str, path: str) -> str | None:
        """Return the final URL of a request if it differs from the one requested."""
        requested = self.url + path
        is_same_path = urlsplit(url).path == urlsplit(requested).path
        return None if is_same_path and parse_origin(url) == parse_origin(requested) else url

    @contextlib.asynccontextmanager
    async def _translated_errors(self) -> AsyncIterator[None]:
        """Turn PlaywrightError into `AccountError`, unless page or browser have died."""
        self._guard.refused = None
        try:
            yield
        except PlaywrightError as error:
            if self._guard.exceeded:
                raise AccountError(FailureKind.NOT_UNDERSTOOD, TOO_LONG) from error
            if self._guard.refused:
                raise redirect_error(self._guard.refused) from error
            if "ERR_ABORTED" in error.message:
                await self._page.evaluate("0")  # raises if the page has crashed
            raise _translate(error) from error

    async def _restore_key(self) -> None:
        """Restore the key's cookie if a response has added, changed or cleared one."""
        key, cookies = self.request.key, await self.context.cookies()
        present = [(c["name"], c["value"]) for c in cookies if c["name"] in SESSION_COOKIES]
        if present != [(SESSION_COOKIE, key.reveal())]:
            for name in SESSION_COOKIES:
                await self.context.clear_cookies(name=name)
            await self.context.add_cookies([cast("Any", session_cookie(self.url, key))])


def _translate(error: PlaywrightError) -> AccountError | PlaywrightError:
    """Return why a request got no response, or the error itself if the browser is dead."""
    if isinstance(error, PlaywrightTimeoutError):
        return AccountError(FailureKind.TIMEOUT)
    if "Download is starting" in error.message:
        return AccountError(FailureKind.NOT_UNDERSTOOD, "a download")
    if "ERR_ABORTED" in error.message:
        return AccountError(FailureKind.NOT_UNDERSTOOD, "an answer without content")
    if network := re.search(r"net::ERR_(\w+)", error.message):
        detail = network[1].replace("_", " ").lower()
        if detail.startswith("cert "):
            detail = f"its certificate is not accepted: {detail}"
        return AccountError(FailureKind.SERVICE_DOWN, detail)
    if "Failed to fetch" in error.message:
        return AccountError(FailureKind.SERVICE_DOWN, "the connection broke")
    return error
