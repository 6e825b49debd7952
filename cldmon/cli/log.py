"""The log of cldmon on stderr: warnings always, everything with `--debug`."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from logging.handlers import MemoryHandler
from typing import TYPE_CHECKING

from cldmon.cli import print_message

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGER = logging.getLogger("cldmon")


class StderrHandler(logging.Handler):
    """Writes each record to stderr as errors are written: it may hold anything, a secret even."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, with its traceback if it has one."""
        print_message(self.format(record))


def show_log(*, debug: bool = False) -> None:
    """Write what cldmon logs to stderr."""
    LOGGER.handlers = [StderrHandler()]
    if debug:
        LOGGER.setLevel(logging.DEBUG)


@contextmanager
def delay_log() -> Iterator[None]:
    """Hold the log back until the block has ended, so that it does not break a progress bar."""
    handlers = LOGGER.handlers
    buffers = [
        MemoryHandler(capacity=1000, flushLevel=logging.CRITICAL + 1, target=each)
        for each in handlers
    ]
    LOGGER.handlers = [*buffers]
    try:
        yield
    finally:
        LOGGER.handlers = handlers
        for buffer in buffers:
            buffer.close()  # writes what it holds
