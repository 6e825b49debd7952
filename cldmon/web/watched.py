"""What a file holds, read anew when it has become another one."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

LOOKED_JUST_NOW = 0.001
"""Seconds for which a look at a file counts as one of this moment.

Each look lets other threads run, and with three for each request a busy server does little else.
"""

Mark: TypeAlias = tuple[int, int, int] | None
"""Time of change in ns, inode and size: what tells one state of a file from others."""


class Watched(Generic[T]):
    """The value that `load` makes of the file at `path`. Threads may share it.

    It is what the file held at most `LOOKED_JUST_NOW` ago, and since the last `changed`. `clock`
    gives seconds that never step back.
    """

    def __init__(
        self, path: Path, load: Callable[[], T], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = os.fspath(path)
        self._load = load
        self._clock = clock
        self._kept: tuple[float, tuple[Mark, T]] | None = None
        self._changed = clock()

    def value(self) -> T:
        """Return the value, or raise what `load` raises."""
        return self.marked()[1]

    def marked(self) -> tuple[Mark, T]:
        """Return the value and the mark of the file that it was made from."""
        now, kept = self._clock(), self._kept
        if kept and kept[0] > self._changed and now - kept[0] < LOOKED_JUST_NOW:
            return kept[1]
        # Looked at before it is read: a change in between is then noticed by the next look.
        mark = mark_of(self._path)
        found = kept[1] if kept and kept[1][0] == mark else (mark, self._load())
        self._kept = (now, found)
        return found

    def changed(self) -> None:
        """Note that we have changed the file: what was seen before counts no more."""
        self._changed = self._clock()


def mark_of(path: str) -> Mark:
    """Return a file's mark; None where there is no file, or none that may be looked at."""
    try:
        found = os.stat(path)  # noqa: PTH116 - this is on the path of every request
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
