"""The log of cldmon on stderr: warnings always, everything with `--debug`."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from logging.handlers import MemoryHandler
from typing import TYPE_CHECKING

from cldmon.cli.output import print_message

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGER = logging.getLogger("cldmon")


class StderrHandler(logging.Handler):
    """Writes records to stderr like errors, with secrets masked."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, with its traceback if it has one."""
        print_message(self.format(record))


def show_log(*, debug: bool = False) -> None:
    """Send cldmon's log to stderr."""
    LOGGER.handlers = [StderrHandler()]
    if debug:
        LOGGER.setLevel(logging.DEBUG)


@contextmanager
def delay_log() -> Iterator[None]:
    """Hold back the log until the block ends, so that it does not break a progress bar."""
    handlers = LOGGER.handlers
    buffer = MemoryHandler(1000, flushLevel=logging.CRITICAL + 1, target=StderrHandler())
    LOGGER.handlers = [buffer]
    try:
        yield
    finally:
        LOGGER.handlers = handlers
        buffer.close()  # writes the records it holds
