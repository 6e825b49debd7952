"""What `--debug` shows beside the traceback of an error that ends a command: the log."""

from __future__ import annotations

import logging

from cldmon.cli import say


class _Stderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Say it as an error is said: records and their tracebacks may hold anything."""
        say(self.format(record))


def show_log() -> None:
    """Show on stderr what cldmon logs."""
    log = logging.getLogger("cldmon")
    log.addHandler(_Stderr())
    log.setLevel(logging.DEBUG)
