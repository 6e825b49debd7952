"""Playwright's driver, started and ended without leaving anything behind."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Playwright

_END_SECONDS = 5.0


@contextlib.asynccontextmanager
async def driver() -> AsyncIterator[Playwright]:
    """Run the driver while the block runs.

    Playwright forgets a driver whose start is cancelled (Ctrl-C in that moment), and the garbage
    collector, which then ends it, complains on stderr. So here the start comes to its end first.
    """
    others = asyncio.all_tasks()
    starting = asyncio.ensure_future(async_playwright().start())
    try:
        playwright = await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting}, timeout=_END_SECONDS)
        if starting.done() and not starting.exception():
            await starting.result().stop()
        # A driver that the Ctrl-C has killed is not stopped, but its reader still closes its pipes.
        if left := asyncio.all_tasks() - others:
            await asyncio.wait(left, timeout=_END_SECONDS)
        raise
    try:
        yield playwright
    finally:
        await playwright.stop()
