"""The server's log."""

from __future__ import annotations

import logging

REPEAT_SECONDS = 3600
_MAX_REMEMBERED = 1000
_MAX_LENGTH = 500

log = logging.getLogger("cldmon.web")


class ThrottleFilter(logging.Filter):
    """Lets each message pass once an hour, cut to a maximum length."""

    def __init__(self) -> None:
        super().__init__()
        self._logged_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is logged."""
        message = record.msg = record.getMessage()[:_MAX_LENGTH]
        record.args = ()
        last = self._logged_at.get(message)  # read once: another thread may delete it
        if last is not None and abs(record.created - last) < REPEAT_SECONDS:
            return False
        if len(self._logged_at) >= _MAX_REMEMBERED:
            self._logged_at.clear()
        self._logged_at[message] = record.created
        return True
