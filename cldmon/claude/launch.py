"""Starts a browser and closes it at the end of a block."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING

from playwright.async_api import Error as PlaywrightError

from cldmon.claude import apparmor
from cldmon.claude.browser import SANDBOX_FAILED, advise_install
from cldmon.claude.driver import run_driver
from cldmon.domain.environment import clean_environment
from cldmon.errors import BrowserError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from playwright.async_api import Browser, BrowserContext, ProxySettings

    from cldmon.claude.browser import BrowserSettings
    from cldmon.domain.proxy import Proxy

CLOSE_SECONDS = 1.0
IN_PROCESS_NETWORK = "--enable-features=NetworkServiceInProcess2"
"""Saves starting one more process in each pass."""

_SANDBOXING_FAILED = "sandboxing failed"
_RESTRICTED = (
    f"{SANDBOX_FAILED}: AppArmor restricts user namespaces"
    " (kernel.apparmor_restrict_unprivileged_userns = 1), so the browser needs a profile"
)
_LACKS_LIBRARY = "error while loading shared libraries"

# Excerpts of what Playwright or the browser prints, and what they mean.
_REASONS = {
    "Running as root": "its sandbox does not work for root: remove browser.sandbox, or run cldmon"
    " as another user",
    _SANDBOXING_FAILED: f"{SANDBOX_FAILED}: allow unprivileged user namespaces, or set"
    " browser.sandbox = false if nobody else uses the machine",
    "XServer": "there is no display: set browser.headless = true, or run it in Xvfb",
    "Timeout": "it did not start in time",
    "spawn ": "it is not a program",
}


@contextlib.asynccontextmanager
async def run_browser(
    settings: BrowserSettings,
    executables: Sequence[str],
    temp_dir: Path,
    env: Mapping[str, str],
    proxy: Proxy | None,
    options: Sequence[str] = (),
) -> AsyncIterator[Browser]:
    """Start the first of the browsers that has its libraries; close it at the end of the block.

    It and the driver keep temporary files in `temp_dir` and inherit `env` without its secrets.
    `options` are added to Playwright's own. Raise `BrowserError` if the browser does not start.
    """
    async with run_driver(temp_dir, settings.start_timeout) as playwright:
        launch = partial(
            playwright.chromium.launch,
            args=[IN_PROCESS_NETWORK, *options],
            headless=settings.headless,
            chromium_sandbox=settings.sandboxed,
            timeout=settings.start_timeout * 1000,
            env={**clean_environment(env), "TMPDIR": str(temp_dir)},
            proxy=_build_proxy_settings(proxy),
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )
        browser = await _launch_first(launch, executables)
        try:
            yield browser
        finally:
            await close(browser)


async def close(what: Browser | BrowserContext) -> None:
    """Close a browser or context, unless it is gone or hangs: the end of the driver closes it."""
    with contextlib.suppress(PlaywrightError, TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await what.close()


async def _launch_first(
    launch: Callable[..., Awaitable[Browser]], executables: Sequence[str]
) -> Browser:
    first, *others = executables
    try:
        return await launch(executable_path=first)
    except PlaywrightError as error:
        if others and _LACKS_LIBRARY in error.message:
            return await _launch_first(launch, others)
        raise BrowserError(_explain_failed_start(first, error.message)) from error


def _build_proxy_settings(proxy: Proxy | None) -> ProxySettings | None:
    """Return the proxy for Playwright, which sends the password itself.

    That keeps it off the browser's command line.
    """
    if proxy is None or proxy.is_for_chromium:
        return None
    settings: ProxySettings = {"server": proxy.server}
    if proxy.user and proxy.password:
        settings |= {"username": proxy.user.reveal(), "password": proxy.password.reveal()}
    return settings


def _explain_failed_start(executable: str, message: str) -> str:
    if _SANDBOXING_FAILED in message and apparmor.is_restricted():
        reason = _RESTRICTED
    elif _LACKS_LIBRARY in message:
        reason = f"a library is missing; a browser with all of its own: {advise_install()}"
    else:
        reasons = (words for sign, words in _REASONS.items() if sign in message)
        reason = next(reasons, "it ended at once")
    return f"the browser {executable} cannot be started: {reason}; run `cldmon doctor` for details"
