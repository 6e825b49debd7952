"""The data files of the Node version: which are copied, byte for byte, and which are not.

They are first copied into a staging folder beside their destination, and moved when all of them are
complete. Until then nothing is changed, even if the import is killed.
"""

from __future__ import annotations

import filecmp
import gzip
import json
import logging
import shutil
import zlib
from collections import defaultdict
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.errors import StoreError
from cldmon.store.data_dir import HEALTH_LOG, pass_lock
from cldmon.store.days import BLOCK, MOST_READ
from cldmon.store.history import PREFIX, get_day_path, parse_day, parse_line_date
from cldmon.store.lines import LONGEST_LINE, MOST_LINES
from cldmon.store.subscriptions import SubscriptionsFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

_STAGING = ".import"
_SUBSCRIPTIONS = "subscriptions.json"
_SINGLE_HISTORY = "history.jsonl"
"""The only history file of the first Node versions; day files came later."""
_PART = 10_000
"""Lines of a single history that are written at once; it may be larger than the memory."""
_CACHES = ("slack-users-cache.json",)
_TOO_LARGE = "holds more than a day ever does"

_log = logging.getLogger(__name__)


@contextmanager
def stage(source: Path, target: Path) -> Iterator[Staged]:
    """Copy the data files of `source` into a staging folder in `target`; the block moves them.

    Log a warning for each file that is not imported. Raise BusyError while a pass runs in `target`,
    StoreError if it can't be written.
    """
    staged = Staged(target)
    if not source.is_dir():
        _log.warning("%s: no such folder: no data is imported", source)
        yield staged
        return
    if source.resolve() == target.resolve():
        _log.warning("%s: this is the data_dir itself: its files stay as they are", source)
        staged.is_in_place = True
        yield staged
        return
    with files.wrap_os_errors("list", source):
        paths = sorted(source.iterdir())
    files.create_private_dir(target)
    with pass_lock(target):
        try:
            staged.clear()  # left by an import that was killed
            for path in paths:
                staged.add(path)
            yield staged
        finally:
            staged.clear()


class Staged:
    """The copied files before they are moved, and the names of those that need no import."""

    is_in_place = False

    def __init__(self, target: Path) -> None:
        self._target = target
        self._copies = target / _STAGING
        self._new: list[str] = []
        self._same: list[str] = []
        self._needless: list[str] = []

    def __bool__(self) -> bool:
        """Return whether there was anything to import."""
        return bool(self.is_in_place or self._new or self._same)

    def add(self, path: Path) -> None:
        """Copy a file if it is of a kind that is imported; otherwise log why not."""
        name, is_file = path.name, path.is_file()
        try:
            if is_file and name == _SINGLE_HISTORY:
                self._split(path)
            elif is_file and (name in (_SUBSCRIPTIONS, HEALTH_LOG) or parse_day(name)):
                self._copy(path)
            elif is_file and name in _CACHES:
                self._needless.append(name)
            else:
                _log.warning("%s: not a data file of the Node version: not imported", path)
        except _UnreadableError as error:
            _log.warning("%s: %s: not imported", path, error)

    def put_in_place(self) -> None:
        """Move the copies to their destination: all of them, or none."""
        done: list[Path] = []
        with files.wrap_os_errors("write to", self._target):
            try:
                for name in self._new:
                    (self._copies / name).rename(self._target / name)
                    done.append(self._target / name)
            except BaseException:
                for place in done:
                    place.unlink()
                raise
        for place in done[-1:]:
            files.sync(place)  # and the folder

    def sum_up(self) -> Iterator[str]:
        """Yield a line on each group of files: imported, already there, not needed."""
        if self._new:
            yield f"{self._target}: {_join_names(self._new)}"
        if self._same:
            yield f"{self._target}: {_join_names(self._same)}: already there"
        if self._needless:
            yield f"{_join_names(self._needless)}: not needed: cldmon fetches its content again"

    def clear(self) -> None:
        """Remove the staging folder."""
        if self._copies.exists():
            with files.wrap_os_errors("remove", self._copies):
                shutil.rmtree(self._copies)

    def _copy(self, path: Path) -> None:
        if path.name == _SUBSCRIPTIONS:
            remarks = _check_subscriptions(path)
        else:
            remarks = _check_day(path) if parse_day(path.name) else []
        files.create_private_dir(self._copies)
        files.replace(self._copies / path.name, _read_blocks(path))
        for remark in remarks:
            _log.warning("%s: %s: imported as it is", path, remark)
        self._compare(path.name, path)

    def _split(self, path: Path) -> None:
        """Turn the single history file into day files, for days that have none yet."""
        parts = self._copies / "days"
        files.create_private_dir(parts)
        if damaged := _split_by_day(path, parts):
            _log.warning("%s: %s line(s) are damaged: not imported", path, damaged)
        for part in sorted(parts.iterdir()):
            day_file = path.with_name(part.name)
            if not day_file.exists():
                part.rename(self._copies / part.name)
                self._compare(part.name, path)
            elif lost := len({*_read_lines(part)} - {*_read_lines(day_file)}):
                day = parse_day(part.name)
                message = "%s: %s line(s) of %s, which has a day file: not imported"
                _log.warning(message, path, lost, day)

    def _compare(self, name: str, source: Path) -> None:
        """Note whether a copy is new or already there; warn if it would overwrite another file."""
        place = self._target / name
        with files.wrap_os_errors("read", place):
            if not place.exists():
                self._new.append(name)
            elif filecmp.cmp(self._copies / name, place, shallow=False):
                self._same.append(name)
            else:
                _log.warning("%s: %s exists and differs: not imported", source, place)


class _UnreadableError(Exception):
    """Why a file of the source can't be imported."""


class _DamagedError(Exception):
    """Why a day file can't be read to its end."""


def _read_blocks(path: Path, *, unpack: bool = False) -> Iterator[bytes]:
    try:
        with files.open_regular(path) as file:
            content = gzip.GzipFile(fileobj=file) if unpack else file
            while block := content.read(BLOCK):
                yield block
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _DamagedError("is torn and cannot be decompressed to its end") from error
    except OSError as error:
        raise _UnreadableError(f"cannot be read: {error.strerror}") from error


def _read_lines(path: Path, most: int | None = None) -> Iterator[bytes]:
    """Yield the lines of a history that are not empty; a very long one comes in parts.

    Raise _DamagedError if the file is damaged or holds more than `most` bytes.
    """
    read, rest = 0, b""
    for block in _read_blocks(path, unpack=path.suffix == ".gz"):
        *lines, rest = (rest + block).split(b"\n")
        yield from filter(None, lines)
        if len(rest) > LONGEST_LINE:
            yield rest
            rest = b""
        read += len(block)
        if most and read > most:
            raise _DamagedError(_TOO_LARGE)
    if rest:
        yield rest


def _check_subscriptions(path: Path) -> list[str]:
    try:
        people = SubscriptionsFile(path.parent).load().users.values()
    except StoreError as error:
        # It would only stand in the way of new subscriptions.
        why = "is not understood; `cldmon subscribe` sets people's alerts"
        raise _UnreadableError(why) from error
    without = sum(1 for accounts in people if not accounts)
    return [f"{without} of {len(people)} people have no alerts for any account"] if without else []


def _check_day(path: Path) -> list[str]:
    """Return what is wrong with a day file; readers skip damaged lines."""
    damaged = 0
    try:
        for number, line in enumerate(_read_lines(path, MOST_READ)):
            if number > MOST_LINES:
                return [_TOO_LARGE]
            damaged += _parse_date(line) is None
    except _DamagedError as error:
        return [str(error)]
    return [f"{damaged} line(s) are damaged"] if damaged else []


def _split_by_day(path: Path, folder: Path) -> int:
    """Append each good line of a history to the file of its UTC day; return how many are bad."""
    damaged, lines = 0, _read_lines(path)
    while part := list(islice(lines, _PART)):
        days: defaultdict[date | None, list[bytes]] = defaultdict(list)
        for line in part:
            days[_parse_date(line)].append(line)
        for day, those in days.items():
            if day:
                files.append_line(get_day_path(folder, day), b"\n".join(those))
            else:
                damaged += len(those)
    return damaged


def _parse_date(line: bytes) -> date | None:
    """Return the UTC date of a history line, or None if it is damaged."""
    try:
        if not line.startswith(PREFIX):
            return None
        json.loads(line)
        return parse_line_date(line.decode())
    except (ValueError, OverflowError, RecursionError):
        return None


def _join_names(names: list[str]) -> str:
    """Return the names of files; day files are only counted."""
    days = sum(1 for name in names if parse_day(name))
    counted = [f"{days} day file{'' if days == 1 else 's'}"] if days else []
    return ", ".join(counted + [name for name in names if not parse_day(name)])
