"""Sends reports in the background, in a session of its own, so that no prompt waits for it."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from zlib import crc32

from cldmon import files
from cldmon.errors import BusyError
from cldmon.reporter.readings import MIN_PAUSE, Progress, get_due

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from cldmon.reporter.options import Options
    from cldmon.reporter.state import StateFile

_MAX_FAILURES = 5
"""In a row; the next status line starts another sender."""
_LOCK_SECONDS = 0.5
_FIRST_INHERITED, _LAST_INHERITED = 3, 256
"""Descriptors that Claude Code may have left open in its status line."""


def lock(label: str, state_file: StateFile, wait: float = 0.0) -> AbstractContextManager[None]:
    """Be the only one who sends for an account while the block runs; raises `BusyError`."""
    return files.lock(state_file.folder / f"sending-{crc32(label.encode()):08x}.lock", wait=wait)


def start(options: Options, state_file: StateFile) -> None:
    """Start a process that sends what is due, unless one runs; it outlives this one.

    Raises OSError, or `StoreError` if there is no lock.
    """
    with suppress(BusyError):
        with lock(options.account, state_file):
            pass
        words = options._replace(chain="", send=True).to_words()
        # posix_spawn needs no import. -P: the working folder is a project, not to be imported from.
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", "cldmon", "report", *words],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)
            ],
        )


def run(
    options: Options, state_file: StateFile, env: Mapping[str, str], clock: Callable[[], datetime]
) -> None:
    """Send until nothing is due within a minute, or too much has failed. Raises `CldmonError`."""
    os.closerange(_FIRST_INHERITED, _LAST_INHERITED)
    with suppress(OSError):  # it leads a session already
        os.setsid()
    os.chdir("/")
    with suppress(BusyError):
        # Check again without the lock: a status line that found it taken wrote its reading before.
        while _get_seconds_left(options.account, state_file, clock()) is not None:
            with lock(options.account, state_file, _LOCK_SECONDS):
                if not _send_all(options, state_file, env, clock):
                    return


def _send_all(
    options: Options, state_file: StateFile, env: Mapping[str, str], clock: Callable[[], datetime]
) -> bool:
    """Send until nothing is due within a minute; return False after too many failures."""
    failures = 0
    while failures < _MAX_FAILURES:
        seconds = _get_seconds_left(options.account, state_file, clock())
        if seconds is None:
            return True
        time.sleep(seconds)
        error = attempt(options, state_file, env, clock())
        failures = failures + 1 if error else 0
    return False


def _get_seconds_left(label: str, state_file: StateFile, now: datetime) -> float | None:
    """Return in how many seconds a report is due; None if not within a minute."""
    due = get_due(state_file.load(now).accounts.get(label, Progress()), now)
    if due is None or due - now > MIN_PAUSE:
        return None
    return (due - now) / timedelta(seconds=1)


def attempt(
    options: Options, state_file: StateFile, env: Mapping[str, str], now: datetime
) -> str | None:
    """Send the newest reading of an account; return why that failed, or None.

    Raises `StoreError`: without a record of attempts, there may be too many.
    """
    # Imported here: a status line of which nothing is sent does not need it.
    from cldmon.reporter.delivery import deliver, format_newest

    label = options.account
    state = state_file.change(label, now, lambda each: each._replace(attempted_at=now))
    reading, body = state.accounts[label].newest, format_newest(state, options, now)
    if not body:
        return None
    outcome = deliver(body, options.to, options.token_file, env)

    def note(progress: Progress) -> Progress:
        if outcome.error:
            retry_at = now + outcome.pause if outcome.pause else None
            return progress._replace(error=outcome.error, retry_at=retry_at)
        return progress._replace(sent=reading, sent_at=now, error=None, retry_at=None)

    state_file.change(label, now, note)
    return outcome.error
