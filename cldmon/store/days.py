"""The lines of the history on disk, day by day; a day may consist of several files.

A plain file that needs no repair is indexed, and only the requested lines are read. Any other day
is read completely and normalized. Files are not memory-mapped: if a failed append truncates a
mapped file, the reader dies of SIGBUS.
"""

from __future__ import annotations

import errno
import os
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import BufferedReader, FileIO
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from cldmon import files
from cldmon.domain.instants import from_ms
from cldmon.store.history import decompress, get_day_path, list_day_files
from cldmon.store.lines import LONGEST_LINE, index_lines, normalize, parse_passes, parse_stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from cldmon.store.lines import Parse

    Span: TypeAlias = tuple[int, int, int]
    """The start and end (ms, inclusive), and the length of a step (ms)."""

DAY_MS = 86_400_000

BLOCK = 1 << 20
"""Bytes read at once to index a file: few enough to fit in the processor's cache."""

CHUNK = 1 << 18
"""Bytes yielded at once, if no line is longer: a chunk and its copies stay in the processor's
cache until they are sent, and the C allocator returns the freed memory."""

MOST_READ = 1 << 27
"""Bytes of a day that are searched for lines if it needs repair, not counting holes."""

MOST_INDEXES = 500

_ATTEMPTS = 3
"""How many times a day is read at most while its files are changing."""


@dataclass(frozen=True, slots=True)
class Index:
    """Where the lines of one version of a file are.

    `version` is its inode, modification time in ns and size. `stamps[i]` is the time in ms of the
    line at `starts[i]:starts[i + 1]`.
    """

    version: files.Version | None
    stamps: array[int]
    starts: array[int]


_indexes: dict[Path, Index] = {}


def read_days(data_dir: Path, since_ms: int, until_ms: int, step_ms: int = 1) -> Iterator[bytes]:
    """Yield the lines of a time span, both ends included, oldest first.

    They are yielded in chunks of whole lines. With a longer step, only the first line of each step
    of each day is included. Raises StoreError if a file exists but can't be read.
    """
    with files.wrap_os_errors("list", data_dir):
        if not data_dir.is_dir():
            return
    listed: defaultdict[date, set[Path]] = defaultdict(set)
    # A pass that crosses midnight may write to the later file.
    for day, path in list_day_files(data_dir, _to_date(since_ms), _to_date(until_ms + DAY_MS)):
        listed[day].add(path)
    for day, paths in listed.items():
        yield from _read_day(data_dir, day, paths, (since_ms, until_ms, step_ms))


def _to_date(ms: int) -> date:
    return from_ms(max(0, ms)).date()


def _read_day(data_dir: Path, day: date, listed: set[Path], span: Span) -> Iterator[bytes]:
    plain = get_day_path(data_dir, day)
    if listed == {plain}:
        with (
            files.wrap_os_errors("read", plain),
            suppress(FileNotFoundError),
            files.open_regular(plain) as file,
        ):
            index = load_index(file, plain)
            # While gunzip is running, the plain file may be incomplete.
            if index and not os.path.exists(f"{plain}.gz"):  # noqa: PTH110 - for speed
                yield from read_indexed(file, index, span)
                return
    yield from join_selected(read_unindexed(data_dir, day, "history", parse_passes), span)


def load_index(file: FileIO, path: Path) -> Index | None:
    """Return the index of an open file, or None if the file needs repair.

    It is cached for the life of the process, since most requests are for the same days.
    """
    version = files.get_version(file.fileno())
    known = _indexes.get(path)
    if known and known.version == version:
        return known
    stamps, starts = array("q"), array("q", [0])
    reader = BufferedReader(file, BLOCK)
    try:
        while text := reader.read(BLOCK) + reader.readline(LONGEST_LINE):
            if not index_lines(text, stamps, starts):
                return None
    finally:
        reader.detach()
    if len(_indexes) >= MOST_INDEXES:
        _indexes.clear()
    _indexes[path] = index = Index(version, stamps, starts)
    return index


def read_indexed(file: FileIO, index: Index, span: Span) -> Iterator[bytes]:
    """Yield the lines of a span in chunks, up to where the file has since been truncated."""
    numbers = _select(index.stamps, span)
    starts, fd = index.starts, file.fileno()
    if not isinstance(numbers, range):
        ends = ((starts[number], starts[number + 1] - 1) for number in numbers)
        yield from join_lines(os.pread(fd, end - start, start) for start, end in ends)
        return
    number = numbers.start
    while number < numbers.stop:
        start = starts[number]
        number = max(number + 1, bisect_right(starts, start + CHUNK, number, numbers.stop + 1) - 1)
        chunk = os.pread(fd, starts[number] - start, start)
        if len(chunk) < starts[number] - start:
            return
        yield chunk


def _select(stamps: Sequence[int], span: Span) -> Sequence[int]:
    """Return the numbers of the lines in a span, or only the first of each step."""
    since, until, step = span
    number, end = bisect_left(stamps, since), bisect_right(stamps, until)
    if step <= 1:
        return range(number, end)
    numbers = []
    while number < end:
        numbers.append(number)
        number = bisect_left(stamps, (stamps[number] // step + 1) * step, number, end)
    return numbers


def join_selected(lines: Sequence[bytes], span: Span) -> Iterator[bytes]:
    """Yield those lines that are in a span, in chunks, each with a line end."""
    numbers = _select([parse_stamp(line) for line in lines], span)
    yield from join_lines(lines[number] for number in numbers)


def join_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines in chunks, each line with a line end."""
    chunk = bytearray()
    for line in lines:
        chunk += line + b"\n"
        if len(chunk) >= CHUNK:
            yield bytes(chunk)
            chunk.clear()
    if chunk:
        yield bytes(chunk)


def read_unindexed(data_dir: Path, day: date, name: str, parse: Parse) -> list[bytes]:
    """Return all valid lines of a day's files of this name, in order of time."""
    lines: list[bytes] = []
    for _ in range(_ATTEMPTS):
        before = _list_versions(data_dir, day, name)
        blocks = chain((line + b"\n" for line in lines), _read_blocks(before))
        lines = normalize(blocks, get_day_path(data_dir, day, name), parse)
        # gzip, gunzip or logrotate may have been replacing one file with another.
        if _list_versions(data_dir, day, name) == before:
            break
    return lines


def _list_versions(data_dir: Path, day: date, name: str) -> dict[Path, files.Version | None]:
    return {path: files.get_version(path) for _, path in list_day_files(data_dir, day, day, name)}


def _read_blocks(paths: Iterable[Path]) -> Iterator[bytes]:
    """Yield the content of the files that still exist, up to `MOST_READ` bytes.

    All are opened before the first is read: if one is replacing another, one of them is complete.
    """
    read = 0
    with ExitStack() as stack:
        opened = []
        for path in sorted(paths):
            with files.wrap_os_errors("read", path), suppress(FileNotFoundError):
                opened.append((path, stack.enter_context(files.open_regular(path))))
        for path, file in opened:
            with files.wrap_os_errors("read", path):
                for block in decompress(file) if path.suffix == ".gz" else _skip_holes(file):
                    yield block
                    read += len(block)
                    if read > MOST_READ:
                        return
            yield b"\n"


def _skip_holes(file: FileIO) -> Iterator[bytes]:
    while block := file.read(BLOCK) or b"":
        yield block
        if block == bytes(len(block)):
            try:
                file.seek(file.tell(), os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # nothing but a hole is left
                    return
