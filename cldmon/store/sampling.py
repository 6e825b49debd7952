"""A few lines of a long span, found by bisection: what a forecast needs and `status` has time for.

Where the clock stepped back, the lines of a file are out of order and bisection may pass over
some. Each line that it does find carries its own time: a sample is never wrong, at worst thinner.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from itertools import groupby
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.domain.model import from_ms
from cldmon.store.days import DAY_MS, DayFiles, sources
from cldmon.store.history import PREFIX
from cldmon.store.lines import Day, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_START = re.compile(re.escape(PREFIX) + rb"(\d{1,15}),")
"""How a line begins; it cannot occur within one."""
_LONGEST_START = 32
_BLOCK = 1 << 12
_SMALL = 1 << 16
"""Bytes of a file that is sooner read whole than looked through."""


def sample(data_dir: Path, since_ms: int, until_ms: int, count: int) -> Day:
    """Return the lines that lie nearest after `count` evenly spaced instants, on the same UTC day.

    Raises StoreError where a file is there but cannot be read.
    """
    instants = [since_ms + (until_ms - since_ms) * number // count for number in range(count)]
    by_day = {day: list(of) for day, of in groupby(instants, lambda ms: from_ms(ms).date())}
    lines = dict.fromkeys(
        line
        for found in sources(data_dir, since_ms, until_ms)
        if (wanted := by_day.get(found.date))
        for line in _nearest(found, wanted)
    )
    return tidy([b"".join(line + b"\n" for line in lines)], data_dir)


def _nearest(found: DayFiles, wanted: Sequence[int]) -> Iterable[bytes]:
    with files.explained("read", found.plain):
        try:
            file = files.opened(found.plain)
        except FileNotFoundError:
            return _of_day(found, wanted)
        with file:
            return list(_of_file(file.fileno(), wanted))


def _of_day(found: DayFiles, wanted: Sequence[int]) -> Iterator[bytes]:
    day = found.whole()
    for instant in wanted:
        if later := day.between(instant, instant + DAY_MS):
            yield day.line(later[0])


def _of_file(fd: int, wanted: Sequence[int]) -> Iterator[bytes]:
    size = os.fstat(fd).st_size
    if size <= _SMALL:
        yield from _of_text(os.pread(fd, size, 0), wanted)
        return
    for instant in wanted:
        position = _first_at(fd, instant, size)
        if position is not None:
            yield _line(fd, position)


def _of_text(text: bytes, wanted: Sequence[int]) -> Iterator[bytes]:
    found = [*_START.finditer(text)]
    stamps = [int(match[1]) for match in found]
    for instant in wanted:
        if (number := bisect_left(stamps, instant)) < len(found):
            start = found[number].start()
            yield text[start:].partition(b"\n")[0]


def _first_at(fd: int, instant: int, size: int) -> int | None:
    """Return where the first line at or after an instant begins, given that lines are sorted."""
    low, high = 0, size
    while high - low > _BLOCK:
        middle = (low + high) // 2
        position, stamp = next(_starts(fd, middle, high), (high, instant))
        if stamp < instant:
            low = position
        else:
            high = middle
    return next((start for start, stamp in _starts(fd, low, size) if stamp >= instant), None)


def _starts(fd: int, position: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where lines begin, and their times; some twice, where two blocks overlap."""
    while position < end:
        block = os.pread(fd, _BLOCK, position)
        for match in _START.finditer(block):
            yield position + match.start(), int(match[1])
        if len(block) < _BLOCK:
            return
        position += len(block) - _LONGEST_START


def _line(fd: int, position: int) -> bytes:
    line = b""
    while b"\n" not in line and (block := os.pread(fd, _BLOCK, position + len(line))):
        line += block
    return line.partition(b"\n")[0]
