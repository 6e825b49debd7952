"""The configuration, reloaded when it changes."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from cldmon import files
from cldmon.errors import CldmonError
from cldmon.web.log import log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


class AutoReloader(Generic[T]):
    """What `load` makes of the configuration at `path`; the last good value while it is invalid.

    One thread reloads it while the others use the old value. The constructor raises what `load`
    raises.
    """

    def __init__(self, path: Path, load: Callable[[], T]) -> None:
        self._path = os.fspath(path)
        self._load = load
        self._lock = threading.Lock()
        self._version = files.get_version(self._path)
        self._value = load()

    def value(self) -> T:
        """Return the current value."""
        if files.get_version(self._path) != self._version and self._lock.acquire(blocking=False):
            try:
                self._version = files.get_version(self._path)
                self._value = self._load()
                log.warning("the configuration has changed and is now in use")
            except CldmonError as error:
                log.warning("the new configuration is invalid; still using the old one: %s", error)
            finally:
                self._lock.release()
        return self._value
