"""What a file holds, read again when it has changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

Mark: TypeAlias = tuple[int, int, int] | None
"""Time of change in ns, inode and size: what tells one state of a file from others."""


class FileCache(Generic[T]):
    """The value that `load` makes of the file at `path`. Threads may share it."""

    def __init__(self, path: Path, load: Callable[[], T]) -> None:
        self._path = os.fspath(path)
        self._load = load
        self._last: tuple[Mark, T] | None = None

    def value(self) -> T:
        """Return the value, or raise what `load` raises."""
        return self.marked_value()[1]

    def marked_value(self) -> tuple[Mark, T]:
        """Return the value and the mark of the file that it was made from."""
        # Looked at before it is read: a change in between is then noticed by the next look.
        mark, last = mark_of(self._path), self._last
        if last is None or last[0] != mark:
            last = self._last = (mark, self._load())
        return last


def mark_of(path: str) -> Mark:
    """Return a file's mark; None where there is no file, or none that may be looked at."""
    try:
        found = os.stat(path)  # noqa: PTH116 - this is on the path of every request
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
