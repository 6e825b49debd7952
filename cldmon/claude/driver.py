"""Playwright's driver, started and ended without leaving anything behind."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from typing import IO, TYPE_CHECKING

from playwright.async_api import async_playwright

from cldmon.claude.scratch import end_processes
from cldmon.errors import BrowserError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Playwright

_END_SECONDS = 5.0


@contextlib.asynccontextmanager
async def driver(scratch: Path) -> AsyncIterator[Playwright]:
    """Run the driver while the block runs; `scratch` is the TMPDIR that it was given.

    Raises `BrowserError` where it does not start.
    """
    playwright = await _started(scratch)
    try:
        yield playwright
    finally:
        await _stop(playwright, scratch)


async def _started(scratch: Path) -> Playwright:
    # The driver inherits our stderr, where a line of its own would be mailed by cron.
    with (
        tempfile.TemporaryFile("w+", dir=scratch, errors="replace") as said,
        contextlib.redirect_stderr(said),
    ):
        try:
            return await _undisturbed(asyncio.ensure_future(async_playwright().start()))
        except Exception as error:  # Playwright raises no type of its own here
            raise BrowserError(_why_not_started(said)) from error


async def _undisturbed(starting: asyncio.Future[Playwright]) -> Playwright:
    """Wait for the start.

    Playwright forgets a driver whose start is cancelled (Ctrl-C in that moment), and the garbage
    collector, which then ends it, complains on stderr. So here the start comes to its end first.
    """
    others = asyncio.all_tasks() - {starting}
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting}, timeout=_END_SECONDS)
        if starting.done() and not starting.exception():
            await starting.result().stop()
        # A driver that the Ctrl-C has killed is not stopped, but its reader still closes its pipes.
        if left := asyncio.all_tasks() - others:
            await asyncio.wait(left, timeout=_END_SECONDS)
        raise


async def _stop(playwright: Playwright, scratch: Path) -> None:
    """Let the driver end, and the browser with it; by force if it hangs."""
    stopping = asyncio.ensure_future(playwright.stop())
    await asyncio.wait({stopping}, timeout=_END_SECONDS)
    if not stopping.done():
        end_processes(scratch)
        await asyncio.wait({stopping}, timeout=_END_SECONDS)


def _why_not_started(said: IO[str]) -> str:
    said.seek(0)
    lines = said.read().split("\n")
    reason = next((line.strip() for line in lines if "error" in line.lower()), "it ended at once")
    missing = "libatomic" in reason
    remedy = "apt-get install libatomic1" if missing else "run `cldmon doctor`, or install it anew"
    return f"Playwright's driver cannot be started: {reason}; {remedy}"
