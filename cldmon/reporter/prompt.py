"""The status line below Claude Code's prompt: it never fails, and never waits long."""

from __future__ import annotations

import os
import select
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from cldmon.errors import UsageError
from cldmon.reporter import sender
from cldmon.reporter.readings import MIN_PAUSE, add_status_line, get_due, set_target
from cldmon.reporter.status_line import format_line, parse

if TYPE_CHECKING:
    from datetime import datetime

    from cldmon.reporter.options import Options
    from cldmon.reporter.state import State, StateFile
    from cldmon.reporter.status_line import StatusLine

MAX_DOCUMENT = 1 << 20
READ_SECONDS = 1.0

_STDIN, _STDOUT = 0, 1


def show_status_line(options: Options, state_file: StateFile, now: datetime) -> None:
    """Print the status line for the document on stdin, and report what it says.

    Raises `UsageError` if stdin is a terminal.
    """
    if os.isatty(_STDIN):
        raise UsageError("this is for Claude Code, which writes to stdin: use --install or --setup")
    document = read_document()
    chained = None
    if options.chain:
        from cldmon.reporter.chain import ChainedCommand

        with suppress(OSError, ValueError):
            chained = ChainedCommand(options.chain, document)
    line = parse(document, now)
    text = format_line(line.windows).encode()
    if chained is None:
        print_bytes(text)
    # An error would only spoil the prompt; `--status` shows those of sending.
    with suppress(Exception):
        state = note_line(options, state_file, line, now)
        due = get_due(state.accounts[options.account], now)
        if due and due - now <= MIN_PAUSE:
            sender.start(options, state_file)
    if chained:
        print_bytes(chained.read() + text)


def read_document() -> bytes:
    """Return what is on stdin: nothing if it is too long, and only what comes in time."""
    end, document = time.monotonic() + READ_SECONDS, b""
    with suppress(OSError, ValueError):  # it may be closed
        while select.select([_STDIN], [], [], max(0.0, end - time.monotonic()))[0]:
            block = os.read(_STDIN, MAX_DOCUMENT)
            document += block
            if len(document) > MAX_DOCUMENT:
                return b""
            if not block:
                break
    return document


def print_bytes(text: bytes) -> None:
    """Print a line; nothing for an empty one. Whoever reads it may be gone."""
    with suppress(OSError), open(_STDOUT, "wb", closefd=False) as stdout:
        stdout.write(text if not text or text.endswith(b"\n") else text + b"\n")


def note_line(options: Options, state_file: StateFile, line: StatusLine, now: datetime) -> State:
    """Store what a session shows, if it is new; return the state. Raises `CldmonError`."""
    return state_file.change(
        options.account,
        now,
        lambda progress: add_status_line(set_target(progress, options.to), line, now),
    )
