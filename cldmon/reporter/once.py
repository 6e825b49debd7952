"""Reports in the foreground: from the cache, for a timer, and to stdout, for a pipe."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from cldmon.errors import BusyError, CldmonError, ReportError, StoreError
from cldmon.reporter import sender
from cldmon.reporter.cache import add_cached, find_cache, read_cache
from cldmon.reporter.delivery import format_newest
from cldmon.reporter.options import STDOUT
from cldmon.reporter.prompt import note_line, print_bytes, read_document
from cldmon.reporter.readings import MIN_PAUSE, set_target
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
    attempted_at = state.accounts[label].attempted_at
    if options.to == STDOUT:
        print_bytes(format_newest(state, options, now))
    elif attempted_at is None or now - attempted_at >= MIN_PAUSE:
        reason = None
        with suppress(BusyError), sender.lock(label, state_file):  # who holds it will send this
            reason = sender.attempt(options, state_file, env, now)
        if reason:
            raise ReportError(reason)


def _note_reading(
    options: Options, state_file: StateFile, env: Mapping[str, str], now: datetime
) -> State:
    label, to = options.account, options.to
    if not options.from_cache:
        return note_line(options, state_file, parse(read_document(), now), now)
    cached = read_cache(find_cache(env), now)
    return state_file.change(
        label, now, lambda progress: add_cached(set_target(progress, to), cached, label)
    )
