"""Takes the session key from a browser window in which a person signs in to claude.ai.

The window has its own context, which is discarded when it closes. That does not end the session.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.async_api import Error as PlaywrightError

from cldmon.claude import browser as browsers
from cldmon.claude import identity
from cldmon.claude.cookie_store import SESSION_COOKIES, is_clearance
from cldmon.claude.launch import run_browser
from cldmon.claude.temp_dir import private_temp_dir
from cldmon.domain.model import Failure, FailureKind
from cldmon.domain.ports import make_lookup
from cldmon.domain.secret import Secret
from cldmon.errors import BrowserError, LoginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from playwright.async_api import BrowserContext

    from cldmon.claude.browser import BrowserSettings
    from cldmon.claude.source import BrowserSource
    from cldmon.domain.ports import ReadRequest, ReadResult

POLL_SECONDS = 0.5
_NO_DISPLAY = (
    "there is no display to show a browser on: connect with `ssh -X`, or sign in with any browser"
    " and give the cookie sessionKey to `cldmon login LABEL --paste`"
)
_CLOSED = "the window was closed before sign-in was complete: nothing was stored"


@dataclass(frozen=True, slots=True)
class SignIn:
    """The result of a sign-in in the window: a session key, and Cloudflare's cookies."""

    key: Secret
    clearance: tuple[Any, ...] = field(default=(), repr=False)


def sign_in(
    settings: BrowserSettings,
    url: str,
    env: Mapping[str, str],
    opened: Callable[[], None],
) -> SignIn:
    """Open the login page at `url` and return the key once a person has signed in.

    `opened` is called when the page has loaded. There is no time limit.

    Raise BrowserError if there is no display or browser, LoginError if the window is closed or the
    page can't be reached.
    """
    if not (env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")):
        raise BrowserError(_NO_DISPLAY)
    visible = replace(settings, headless=False)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="cldmon-login-") as owner,
            private_temp_dir(Path(owner)) as temp_dir,
        ):
            return asyncio.run(_run_window(visible, url, env, temp_dir, opened))
    except BrowserError as error:
        if "XServer" in str(error.__cause__):
            raise BrowserError(_NO_DISPLAY) from error
        raise


def check_key(
    source: BrowserSource, request: ReadRequest, pauses: Sequence[float]
) -> ReadResult | Failure:
    """Read the account with a new key, again after each of the pauses while it is refused."""
    for pause in (*pauses, 0.0):
        lookups = {request.label: make_lookup(request)}
        result = source.read(lookups, lambda _label: None)[request.label]
        if not (isinstance(result, Failure) and result.kind is FailureKind.KEY_EXPIRED):
            return result
        time.sleep(pause)
    return result


def _find_browsers(settings: BrowserSettings, env: Mapping[str, str]) -> list[str]:
    """Return the browsers to try, ignoring a configured one that is only a headless shell."""
    if "headless" in Path(settings.executable or "").name:
        settings = replace(settings, executable=None)
    if "headless" in Path(env.get("CLDMON_BROWSER", "")).name:
        env = {name: value for name, value in env.items() if name != "CLDMON_BROWSER"}
    try:
        return browsers.find_browsers(settings, env)
    except BrowserError as error:
        if settings.executable:
            raise
        raise BrowserError(
            f"no browser that can show a window: {browsers.advise_install(window=True)}, or sign in"
            " with any browser and give the cookie sessionKey to `cldmon login LABEL --paste`"
        ) from error


async def _run_window(
    settings: BrowserSettings,
    url: str,
    env: Mapping[str, str],
    temp_dir: Path,
    opened: Callable[[], None],
) -> SignIn:
    proxy = settings.find_proxy(url, env)
    async with run_browser(
        settings, _find_browsers(settings, env), temp_dir, env, proxy
    ) as browser:
        context = await browser.new_context(no_viewport=True)
        page = await context.new_page()
        if override := identity.user_agent_override(settings, browser.version):
            # Cloudflare's clearance is valid only for the same user agent.
            session = await context.new_cdp_session(page)
            await session.send("Emulation.setUserAgentOverride", override)
        try:
            await page.goto(f"{url}/login", wait_until="commit")
        except PlaywrightError as error:
            if "has been closed" in error.message:
                raise LoginError(_CLOSED) from error
            network = re.search(r"net::ERR_(\w+)", error.message)
            reason = network[1].replace("_", " ").lower() if network else "no answer in time"
            raise LoginError(
                f"{url}/login cannot be reached ({reason}): check the network and try again"
            ) from error
        opened()
        return await _wait_for_key(context, url)


async def _wait_for_key(context: BrowserContext, url: str) -> SignIn:
    """Wait for the key's cookie; raise LoginError if every window is closed first."""
    while context.pages:
        try:
            cookies = await context.cookies(url)
        except PlaywrightError as error:
            raise LoginError(_CLOSED) from error
        found = {cookie.get("name"): cookie.get("value", "").strip('"') for cookie in cookies}
        for name in SESSION_COOKIES:
            if value := found.get(name):
                return SignIn(Secret(value), tuple(filter(is_clearance, cookies)))
        await asyncio.sleep(POLL_SECONDS)
    raise LoginError(_CLOSED)
