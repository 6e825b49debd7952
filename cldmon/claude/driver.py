"""Starts and stops Playwright's driver without leaving anything behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import tempfile
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

from cldmon import files
from cldmon.claude.temp_dir import end_processes, override_environ
from cldmon.domain.environment import clean_environment
from cldmon.errors import BrowserError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Playwright

_END_SECONDS = 3.0
_POLL_SECONDS = 0.1


@contextlib.asynccontextmanager
async def run_driver(temp_dir: Path, start_timeout: float = 30.0) -> AsyncIterator[Playwright]:
    """Run the driver while the block runs; `temp_dir` is its TMPDIR.

    Raise `BrowserError` if it does not start within `start_timeout` seconds, `StoreError` if
    `temp_dir` is not writable.
    """
    # When the driver dies, Playwright drops futures without reading them and keeps writing to its
    # closed pipe. asyncio would log both, and cron would mail that.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    playwright = await _start(temp_dir, start_timeout)
    try:
        yield playwright
    finally:
        await _stop(playwright, temp_dir)


async def _start(temp_dir: Path, seconds: float) -> Playwright:
    # The driver inherits our stderr, and cron would mail what it prints there.
    with files.wrap_os_errors("make a file in", temp_dir):
        output = tempfile.TemporaryFile("w+", dir=temp_dir, errors="replace")  # noqa: SIM115
    clean = clean_environment(os.environ)
    changes = {n: clean.get(n) for n, value in os.environ.items() if clean.get(n) != value}
    with output, contextlib.redirect_stderr(output), override_environ(changes):
        try:
            async with asyncio.timeout(seconds):
                starting = asyncio.ensure_future(async_playwright().start())
                return await _start_or_clean_up(starting, temp_dir)
        except TimeoutError as error:
            raise BrowserError(_describe_failed_start(f"not within {seconds:g} s")) from error
        except Exception as error:  # Playwright raises a plain Exception here
            output.seek(0)
            errors = (line.strip() for line in output if "error" in line.lower())
            raise BrowserError(_describe_failed_start(next(errors, "it ended at once"))) from error


async def _start_or_clean_up(starting: asyncio.Future[Playwright], temp_dir: Path) -> Playwright:
    """Wait for the start; if it fails or is cancelled (Ctrl-C), end what was started.

    Playwright forgets such a driver, and when the garbage collector finds it, asyncio complains on
    stderr. So let the start complete first.
    """
    others = asyncio.all_tasks() - {starting}
    try:
        return await asyncio.shield(starting)
    except BaseException:
        while not starting.done():
            end_processes(temp_dir)
            await asyncio.wait({starting}, timeout=_POLL_SECONDS)
        if not starting.exception():
            await _stop(starting.result(), temp_dir)
        # The task that reads from a dead driver still has to close its pipes.
        if left := asyncio.all_tasks() - others:
            await asyncio.wait(left, timeout=_END_SECONDS)
        raise


async def _stop(playwright: Playwright, temp_dir: Path) -> None:
    """Stop the driver and with it the browser; kill them if they hang."""
    stopping = asyncio.ensure_future(playwright.stop())
    await asyncio.wait({stopping}, timeout=_END_SECONDS)
    if not stopping.done():
        end_processes(temp_dir)
        await asyncio.wait({stopping}, timeout=_END_SECONDS)


def _describe_failed_start(reason: str) -> str:
    missing = "libatomic" in reason
    remedy = "apt-get install libatomic1" if missing else "run `cldmon doctor` for details"
    return f"Playwright's driver cannot be started: {reason}; {remedy}"
