"""What follows a file that may change while the server runs."""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from cldmon.domain.secret import mask_secrets
from cldmon.domain.text import replace_unprintable
from cldmon.errors import CldmonError
from cldmon.web.file_cache import mark_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

T = TypeVar("T")

CHECK_SECONDS = 1.0
"""Seconds."""

REPEAT_AFTER = timedelta(hours=1)
_MAX_REMEMBERED = 1000
_MAX_LINE = 500


class AutoReloader(Generic[T]):
    """What `make` makes of the file at `path`, again whenever the file changes.

    The last good value is kept while the file is broken, which is told once to `warn`. Raises what
    `make` raises at the start. `clock` gives seconds that never step back.
    """

    def __init__(
        self,
        path: Path,
        make: Callable[[], T],
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = os.fspath(path)
        self._make = make
        self._warn = warn
        self._clock = clock
        self._lock = threading.Lock()
        self._mark = mark_of(self._path)
        self._looked = clock()
        self._value = make()

    def value(self) -> T:
        """Return the value of now."""
        if self._clock() - self._looked >= CHECK_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._looked = self._clock()
                self._look()
            finally:
                self._lock.release()
        return self._value

    def _look(self) -> None:
        mark = mark_of(self._path)
        if mark == self._mark:
            return
        self._mark = mark
        try:
            self._value = self._make()
        except CldmonError as error:
            self._warn(f"the changed configuration is not used, the last good one is: {error}")
        else:
            self._warn("the configuration has changed and is now in use")


class ThrottledLogger:
    """Passes a message on to `warn`, as one harmless line, unless it was said within the hour."""

    def __init__(self, warn: Callable[[str], None], now: Callable[[], datetime]) -> None:
        self._warn = warn
        self._now = now
        self._said: dict[str, datetime] = {}

    def __call__(self, message: str) -> None:
        """Say it, or not."""
        line = mask_secrets(replace_unprintable(message[:_MAX_LINE], "?"))
        now = self._now()
        before = self._said.get(line)  # asked once: another thread may forget it meanwhile
        if before is not None and abs(now - before) < REPEAT_AFTER:
            return
        if len(self._said) >= _MAX_REMEMBERED:
            self._said.clear()
        self._said[line] = now
        self._warn(line)
