"""Reports in the foreground: from the cache, for a timer, and to stdout, for a pipe."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from cldmon.errors import BusyError, CldmonError, ReportError, StoreError
from cldmon.reporter import sender
from cldmon.reporter.cache import add_cached, find_cache, read_cache
from cldmon.reporter.delivery import format_body
from cldmon.reporter.options import STDOUT
from cldmon.reporter.prompt import print_bytes, read_document
from cldmon.reporter.readings import MIN_PAUSE, Progress, add_status_line, set_target
from cldmon.reporter.status_line import parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cldmon.reporter.options import Options
    from cldmon.reporter.state import State, StateFile


def report_once(
    options: Options, state_file: StateFile, env: Mapping[str, str], now: datetime
) -> None:
    """Report what is cached or on stdin, at most once a minute. Raises `CldmonError`."""
    label = options.account
    try:
        state = _note_reading(options, state_file, env, now)
    except CldmonError as error:
        problem = str(error)
        with suppress(StoreError):
            state_file.change(label, now, lambda each: each._replace(error=problem))
        raise
    progress = state.accounts[label]
    if options.to == STDOUT:
        if progress.newest:
            account_hash = progress.account_hash if options.from_cache else None
            body = format_body(label, state.machine, progress.newest, now, account_hash)
            print_bytes(body)
    elif progress.attempted_at is None or now - progress.attempted_at >= MIN_PAUSE:
        reason = None
        with suppress(BusyError), sender.lock(label, state_file):  # who holds it will send this
            reason = sender.attempt(options, state_file, env, now)
        if reason:
            raise ReportError(reason)


def _note_reading(
    options: Options, state_file: StateFile, env: Mapping[str, str], now: datetime
) -> State:
    if options.from_cache:
        cached = read_cache(find_cache(env), now)

        def note(progress: Progress) -> Progress:
            return add_cached(set_target(progress, options.to), cached, options.account)
    else:
        line = parse(read_document(), now)

        def note(progress: Progress) -> Progress:
            return add_status_line(set_target(progress, options.to), line, now)

    return state_file.change(options.account, now, note)
