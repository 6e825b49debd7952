"""The days of history on disk: plain, rotated, gzipped, or about to become so.

Of a plain one that needs no repair the lines asked for are read, of others all. Not mapped: a
mapped file that a failing append cuts back kills the reader with SIGBUS.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.domain.model import from_ms
from cldmon.store.gzipped import unzipped
from cldmon.store.history import day_files, day_path
from cldmon.store.lines import Day, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from pathlib import Path

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class DayFiles:
    """Where the lines of a UTC day are: `listed` is what was there a moment ago."""

    date: date
    plain: Path
    listed: frozenset[Path]

    def read(self, since_ms: int, until_ms: int) -> Iterator[Day]:
        """Return the day's lines in pieces, those in a span of time at least, in order of time.

        Raises StoreError where a file is there but cannot be read.
        """
        from cldmon.store.index import index_of, pieces  # here, for `status` does without

        if self.listed == {self.plain}:
            with (
                files.explained("read", self.plain),
                suppress(FileNotFoundError),
                files.opened(self.plain) as file,
            ):
                index = index_of(file.fileno(), self.plain)
                # While gunzip is at work, the plain file may be half there.
                if index and not os.path.exists(f"{self.plain}.gz"):  # noqa: PTH110 - for speed
                    yield from pieces(file.fileno(), index, since_ms, until_ms)
                    return
        yield self.whole()

    def whole(self) -> Day:
        """Return all of the day's lines; raises StoreError as `read`."""
        texts = _texts(self.listed)
        if self.listed - texts.keys():
            # gzip, gunzip or logrotate has just put one in place of the other, and may have been
            # at work on the other when that was read.
            texts = _texts(self.listed | self._present())
        return tidy([*texts.values()], self.plain)

    def _present(self) -> frozenset[Path]:
        return frozenset(path for _, path in day_files(self.plain.parent, self.date, self.date))


def days(data_dir: Path, since_ms: int, until_ms: int) -> Iterator[Day]:
    """Yield the days, in pieces, that may hold lines of a span of time, oldest first.

    Raises StoreError where a file is there but cannot be read.
    """
    found = sources(data_dir, since_ms, until_ms)
    return chain.from_iterable(each.read(since_ms, until_ms) for each in found)


def sources(data_dir: Path, since_ms: int, until_ms: int) -> list[DayFiles]:
    """Return the files of each day in a span of time, oldest first.

    The day after the span is among them: a pass across midnight may write to the later file.
    """
    with files.explained("list", data_dir):
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


def _texts(paths: Iterable[Path]) -> dict[Path, bytes]:
    contents = {path: _content(path) for path in paths}
    return {path: text for path, text in contents.items() if text is not None}


def _content(path: Path) -> bytes | None:
    """Return what is in a day file, of a torn gzip the readable part; None where it is gone."""
    data = files.read(path)
    return unzipped(data) if data and path.suffix == ".gz" else data


def _date(ms: int) -> date:
    return from_ms(max(0, ms)).date()
