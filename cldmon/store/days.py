"""The days of history on disk: plain, rotated, gzipped, or about to become so.

Of a plain one that needs no repair the lines asked for are read, of others all. Not mapped: a
mapped file that a failing append cuts back kills the reader with SIGBUS.
"""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.domain.model import from_ms
from cldmon.store.gzipped import decompress
from cldmon.store.history import day_files, day_path
from cldmon.store.lines import Day, normalize, split_days

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from pathlib import Path

DAY_MS = 86_400_000
BLOCK = 1 << 20
MOST_READ = 1 << 27
"""Bytes that are looked through for the lines of a day that needs repair, holes not counted."""

_READINGS = 3
"""How often a day is read at most whose files change meanwhile."""


@dataclass(frozen=True, slots=True)
class DayFiles:
    """Where the lines of a UTC day are: `listed` is what was there a moment ago."""

    date: date
    plain: Path
    listed: frozenset[Path]

    def read(self, since_ms: int, until_ms: int) -> Iterator[Day]:
        """Return the day's lines in chunks, those in a span of time at least, in order of time.

        Raises StoreError where a file is there but cannot be read.
        """
        from cldmon.store.index import load_index, read_chunks  # here, for `status` does without

        if self.listed == {self.plain}:
            with (
                files.wrap_os_errors("read", self.plain),
                suppress(FileNotFoundError),
                files.open_regular(self.plain) as file,
            ):
                index = load_index(file.fileno(), self.plain)
                # While gunzip is at work, the plain file may be half there.
                if index and not os.path.exists(f"{self.plain}.gz"):  # noqa: PTH110 - for speed
                    yield from read_chunks(file.fileno(), index, since_ms, until_ms)
                    return
        yield from split_days(self.lines())

    def lines(self) -> list[bytes]:
        """Return all of the day's good lines, in order of time; raises StoreError as `read`."""
        lines: list[bytes] = []
        for _ in range(_READINGS):
            before = self._present()
            lines = normalize(chain((line + b"\n" for line in lines), _text(before)), self.plain)
            # gzip, gunzip or logrotate may put one in place of another: half of it was there.
            if self._present() == before:
                break
        return lines

    def _present(self) -> dict[Path, tuple[int, ...]]:
        """Return the files that are there now, with what tells whether they have changed."""
        found: dict[Path, tuple[int, ...]] = {}
        for _, path in day_files(self.plain.parent, self.date, self.date):
            with suppress(OSError):
                status = path.stat()
                found[path] = status.st_ino, status.st_size, status.st_mtime_ns
        return found


def read_days(data_dir: Path, since_ms: int, until_ms: int) -> Iterator[Day]:
    """Yield the days, in chunks, that may hold lines of a span of time, oldest first.

    Raises StoreError where a file is there but cannot be read.
    """
    found = list_days(data_dir, since_ms, until_ms)
    return chain.from_iterable(each.read(since_ms, until_ms) for each in found)


def list_days(data_dir: Path, since_ms: int, until_ms: int) -> list[DayFiles]:
    """Return the files of each day in a span of time, oldest first.

    The day after the span is among them: a pass across midnight may write to the later file.
    """
    with files.wrap_os_errors("list", data_dir):
        if not data_dir.is_dir():
            return []
    first, last = _date(since_ms), _date(until_ms + DAY_MS)
    listed: dict[date, set[Path]] = {}
    for day, path in day_files(data_dir, first, last):
        listed.setdefault(day, set()).add(path)
    return [
        DayFiles(day, day_path(data_dir, day), frozenset(paths))
        for day, paths in sorted(listed.items())
    ]


def _text(paths: Iterable[Path]) -> Iterator[bytes]:
    """Yield what is in those day files that are there, each from a new line on.

    All are opened before the first is read: while one replaces another, one of them is whole. Of
    more than `MOST_READ` bytes, what comes first.
    """
    read = 0
    with ExitStack() as stack:
        opened = []
        for path in sorted(paths):
            with files.wrap_os_errors("read", path), suppress(FileNotFoundError):
                opened.append((path, stack.enter_context(files.open_regular(path))))
        for path, file in opened:
            with files.wrap_os_errors("read", path):
                for block in decompress(file) if path.suffix == ".gz" else _plain(file.fileno()):
                    yield block
                    read += len(block)
                    if read > MOST_READ:
                        return
            yield b"\n"


def _plain(fd: int) -> Iterator[bytes]:
    """Yield what is in a file; of a long hole its beginning alone."""
    position = 0
    while block := os.pread(fd, BLOCK, position):
        yield block
        position += len(block)
        if block == bytes(len(block)):
            try:
                position = os.lseek(fd, position, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # nothing else comes
                    return


def _date(ms: int) -> date:
    return from_ms(max(0, ms)).date()
