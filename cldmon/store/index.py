"""Where the lines of a day file begin, kept for the life of the process.

Day files only grow: what was looked at once is not looked at again, and of a span of time no more
is read than its lines. A file that was replaced, cut or changed in place is looked at anew.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from cldmon.store.lines import CHUNK, LONGEST_LINE, Day, index_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Mark: TypeAlias = tuple[int, int, int]

BLOCK = 1 << 20
"""Bytes that are looked at together: few enough to stay in the processor's cache meanwhile."""

MOST_FILES = 500

_numbers = partial(array, "q")


@dataclass(frozen=True, slots=True)
class Index:
    """The lines of a file as it was at `mark`: its inode, time of change in ns, and size.

    `stamps[i]` is the time in ms of the line that begins at `starts[i]`.
    """

    mark: Mark = (0, 0, 0)
    stamps: array[int] = field(default_factory=_numbers)
    starts: array[int] = field(default_factory=_numbers)

    def end(self, number: int) -> int:
        """Return where a line ends, its line end included."""
        return self.starts[number + 1] if number + 1 < len(self.starts) else self.mark[2]


_known: dict[Path, Index] = {}


def load_index(fd: int, path: Path) -> Index | None:
    """Return where the lines of an open file are; None if it needs any repair."""
    found = os.fstat(fd)
    mark = found.st_ino, found.st_mtime_ns, found.st_size
    known = _known.get(path, Index())
    if known.mark == mark:
        return known
    index = _extended(fd, known if _has_grown(fd, known, mark) else Index(), mark)
    if index:
        if len(_known) >= MOST_FILES:
            _known.clear()
        _known[path] = index
    return index


def read_chunks(fd: int, index: Index, since_ms: int, until_ms: int) -> Iterator[Day]:
    """Yield the lines of a span of time, both ends included, as far as they are still there.

    The file may be cut meanwhile.
    """
    span = Day(b"", index.stamps, index.starts).between(since_ms, until_ms)
    for some in _cut(index, span):
        begin = index.starts[some.start]
        size = index.end(some.stop - 1) - begin
        text = os.pread(fd, size, begin)
        if len(text) < size:
            return
        starts = [start - begin for start in index.starts[some.start : some.stop]]
        yield Day(text, index.stamps[some.start : some.stop], starts)


def _cut(index: Index, span: range) -> Iterator[range]:
    """Yield the numbers of lines that are a piece together."""
    number = span.start
    while number < span.stop:
        following = bisect_right(index.starts, index.starts[number] + CHUNK, number, span.stop)
        if index.end(following - 1) > index.starts[number] + CHUNK:
            following -= 1
        following = max(number + 1, following)
        yield range(number, following)
        number = following


def _has_grown(fd: int, known: Index, mark: Mark) -> bool:
    """Return whether what is known is still there: the last line, at its place and with its end."""
    inode, _, size = known.mark
    if inode != mark[0] or not known.stamps or size >= mark[2]:
        return False
    head = b'{"timestamp":%d,' % known.stamps[-1]
    start = known.starts[-1]
    return os.pread(fd, len(head), start) == head and os.pread(fd, 1, size - 1) == b"\n"


def _extended(fd: int, base: Index, mark: Mark) -> Index | None:
    """Return an index of all that there is; None if it needs any repair."""
    stamps, starts, position = base.stamps[:], base.starts[:], base.mark[2]
    while position < mark[2]:
        text = _whole_lines(fd, position, mark[2])
        found = index_lines(text, stamps[-1] if stamps else -1)
        if not text or found is None:
            return None
        stamps += found[0]
        starts.extend(position + start for start in found[1])
        position += len(text)
    return Index(mark, stamps, starts)


def _whole_lines(fd: int, position: int, end: int) -> bytes:
    """Return the next lines, of a block or, where one is longer, of more; none without an end."""
    size, whole = BLOCK, 0
    while not whole and size <= LONGEST_LINE:
        text = os.pread(fd, min(size, end - position), position)
        whole = text.rfind(b"\n") + 1
        if len(text) < size:
            break
        size *= 2
    return text[:whole]
