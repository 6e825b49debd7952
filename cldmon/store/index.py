"""Where the lines of a day file begin, kept for the life of the process.

Day files only grow: what was looked at once is not looked at again, and of a span of time no more
is read than its lines. A file that was replaced, cut or changed in place is looked at anew.
"""

from __future__ import annotations

import os
from array import array
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from cldmon import files
from cldmon.store.lines import Day, located

if TYPE_CHECKING:
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


_known: dict[Path, Index] = {}


def indexed(path: Path, since_ms: int, until_ms: int) -> Day | None:
    """Return the lines of a span of time, both ends included.

    None where the file cannot be read, or needs any repair; see `lines.located`.
    """
    try:
        with files.opened(path) as file:
            index = _index(file.fileno(), path)
            return index and _between(file.fileno(), index, since_ms, until_ms)
    except OSError:
        return None


def _index(fd: int, path: Path) -> Index | None:
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


def _has_grown(fd: int, known: Index, mark: Mark) -> bool:
    """Tell whether what is known is still there: the last line, at its place and with its end."""
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
        found = located(text, stamps[-1] if stamps else -1)
        if not text or found is None:
            return None
        stamps += found[0]
        starts.extend(position + start for start in found[1])
        position += len(text)
    return Index(mark, stamps, starts)


def _whole_lines(fd: int, position: int, end: int) -> bytes:
    """Return the next lines, of a block or, where one is longer, of more; none without an end."""
    size, whole = BLOCK, 0
    while not whole:
        text = os.pread(fd, min(size, end - position), position)
        whole = text.rfind(b"\n") + 1
        if len(text) < size:
            break
        size *= 2
    return text[:whole]


def _between(fd: int, index: Index, since_ms: int, until_ms: int) -> Day | None:
    """Return the lines of a span; None where the file has been cut meanwhile."""
    whole = Day(b"", index.stamps, index.starts)
    span = whole.between(since_ms, until_ms)
    starts = index.starts[span.start : span.stop + 1]
    if len(starts) == len(span):
        starts.append(index.mark[2])
    begin, end = starts[0], starts[-1]
    text = os.pread(fd, end - begin, begin)
    if len(text) < end - begin:
        return None
    return Day(text, index.stamps[span.start : span.stop], [s - begin for s in starts[:-1]])
