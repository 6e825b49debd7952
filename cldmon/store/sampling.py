"""A few lines of a long span, found by bisection: what a forecast needs and `status` has time for.

Where the clock stepped back, the lines of a file are out of order and bisection may pass over
some; so may it where much of a file is damaged. Each line that it does find carries its own time: a
sample is never wrong, at worst thinner.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from itertools import groupby
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.domain.model import from_ms
from cldmon.store.days import DayFiles, list_days
from cldmon.store.history import PREFIX
from cldmon.store.lines import LONGEST_LINE, Day, join_lines, normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_START = re.compile(re.escape(PREFIX) + rb"(\d{1,15}),")
"""How a line begins; it cannot occur within one."""
_LONGEST_START = 32
_BLOCK = 1 << 12
_SMALL = 1 << 16
"""Bytes of a file that is sooner read whole than looked through."""
_NEAR = 1 << 18
"""Bytes within which a line of thousands of accounts ends."""


def sample(data_dir: Path, since_ms: int, until_ms: int, count: int) -> Day:
    """Return the lines that lie nearest after `count` evenly spaced instants, on the same UTC day.

    Raises StoreError where a file is there but cannot be read.
    """
    instants = [since_ms + (until_ms - since_ms) * number // count for number in range(count)]
    by_day = {day: list(of) for day, of in groupby(instants, lambda ms: from_ms(ms).date())}
    lines = (
        line
        for found in list_days(data_dir, since_ms, until_ms)
        if (wanted := by_day.get(found.date))
        for line in _nearest(found, wanted)
    )
    return join_lines(normalize((line + b"\n" for line in lines), data_dir))


def _nearest(found: DayFiles, wanted: Sequence[int]) -> Iterable[bytes]:
    with files.wrap_os_errors("read", found.plain):
        try:
            file = files.open_regular(found.plain)
        except FileNotFoundError:
            return _of_lines(found.lines(), wanted)
        with file:
            return list(_of_file(file.fileno(), wanted))


def _of_lines(lines: Sequence[bytes], wanted: Sequence[int]) -> Iterator[bytes]:
    stamps = [int(match[1]) for line in lines if (match := _START.match(line))]
    for instant in wanted:
        if (number := bisect_left(stamps, instant)) < len(lines):
            yield lines[number]


def _of_file(fd: int, wanted: Sequence[int]) -> Iterator[bytes]:
    size = os.fstat(fd).st_size
    if size <= _SMALL:
        text = os.pread(fd, size, 0)
        starts = [match.start() for match in _START.finditer(text)]
        yield from _of_lines([text[start:].partition(b"\n")[0] for start in starts], wanted)
        return
    file = _File(fd, size)
    for instant in wanted:
        position = file.first_at(instant)
        if position is not None:
            yield _line(fd, position)


class _File:
    """The lines of an open file, given that they are sorted, and what is damaged between them."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._size = size
        self._damaged: list[tuple[int, int]] = []

    def first_at(self, instant: int) -> int | None:
        """Return where the first line at or after an instant begins."""
        low, high = 0, self._size
        while high - low > _BLOCK:
            middle = (low + high) // 2
            position, stamp = self._next(middle, high) or (high, instant)
            if stamp < instant:
                low = position
            else:
                high = middle
        while found := self._next(low, self._size):
            position, stamp = found
            if stamp >= instant:
                return position
            low = position + 1
        return None

    def _next(self, position: int, end: int) -> tuple[int, int] | None:
        """Return where the next line begins, and its time; None where none does."""
        for begin, over in self._damaged:
            if begin <= position < over:
                position = over
        found = self._near(position, end)
        if found or position + _NEAR >= end:
            return found
        over = self._end_of_damage(position)
        self._damaged.append((position, over))
        return self._near(over, end)

    def _end_of_damage(self, position: int) -> int:
        """Return where lines begin again; the file's end where that is damaged, too."""
        low, high = position, self._size - _NEAR
        if not self._near(high, self._size):
            return self._size
        while high - low > _BLOCK:
            middle = (low + high) // 2
            if self._near(middle, self._size):
                high = middle
            else:
                low = middle
        return high

    def _near(self, position: int, end: int) -> tuple[int, int] | None:
        """Return what `_next` does, of a line that begins near."""
        end, size = min(end, position + _NEAR), _BLOCK
        while position < end:
            block = os.pread(self._fd, size, position)
            if (match := _START.search(block)) and (start := position + match.start()) < end:
                return start, int(match[1])
            if len(block) < size:
                return None
            position += size - _LONGEST_START
            size *= 2
        return None


def _line(fd: int, position: int) -> bytes:
    line, size = b"", _BLOCK
    while b"\n" not in line and len(line) < LONGEST_LINE:
        block = os.pread(fd, size, position + len(line))
        if not block:
            break
        line += block
        size *= 2
    return line.partition(b"\n")[0]
