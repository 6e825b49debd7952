"""The data files of the Node version: which are copied, byte for byte, and which are not.

They are copied into a folder next to their places first, and moved there when all of them are
complete. Until then nothing is changed, however it ends.
"""

from __future__ import annotations

import filecmp
import gzip
import json
import shutil
import zlib
from collections import defaultdict
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from cldmon import files
from cldmon.errors import StoreError
from cldmon.store.data_dir import HEALTH_LOG, pass_lock
from cldmon.store.days import BLOCK, MOST_READ
from cldmon.store.history import PREFIX, day_path, line_date, parse_day
from cldmon.store.lines import LONGEST_LINE, MOST_LINES
from cldmon.store.subscriptions import SubscriptionsFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    Tell = Callable[[str], None]

_STAGING = ".import"
_SUBSCRIPTIONS = "subscriptions.json"
_SINGLE_HISTORY = "history.jsonl"
"""The only history file of the first Node versions; day files came later."""
_CACHES = ("slack-users-cache.json",)
_TOO_LARGE = "holds more than a day ever does"


@contextmanager
def stage(source: Path, target: Path, warn: Tell) -> Iterator[Staged]:
    """Copy the data files of `source` into `target`, for the block to put them in their places.

    Raises BusyError while a pass runs in `target`, StoreError if it can't be written.
    """
    staged = Staged(target, warn)
    if not source.is_dir():
        warn(f"{source}: no such folder: no data is imported")
        yield staged
        return
    if source.resolve() == target.resolve():
        warn(f"{source}: this is the data_dir itself: its files stay as they are")
        staged.is_in_place = True
        yield staged
        return
    with files.wrap_os_errors("list", source):
        paths = sorted(source.iterdir())
    files.private_dir(target)
    with pass_lock(target):
        try:
            staged.clear()  # left by an import that was killed
            for path in paths:
                staged.add(path)
            yield staged
        finally:
            staged.clear()


class Staged:
    """The files to import, before they are in their places, and what became of the others."""

    is_in_place = False

    def __init__(self, target: Path, warn: Tell) -> None:
        self._target = target
        self._copies = target / _STAGING
        self._warn = warn
        self._new: list[str] = []
        self._same: list[str] = []
        self._needless: list[str] = []

    def __bool__(self) -> bool:
        """Return whether there was anything to import."""
        return bool(self.is_in_place or self._new or self._same)

    def add(self, path: Path) -> None:
        """Copy one file if it is of a kind that is imported, or warn why it is not."""
        name, is_file = path.name, path.is_file()
        try:
            if is_file and name == _SINGLE_HISTORY:
                self._split(path)
            elif is_file and (name in (_SUBSCRIPTIONS, HEALTH_LOG) or parse_day(name)):
                self._copy(path)
            elif is_file and name in _CACHES:
                self._needless.append(name)
            else:
                self._warn(f"{path}: not a data file of the Node version: not imported")
        except _UnreadableError as error:
            self._warn(f"{path}: {error}: not imported")

    def put_in_place(self) -> None:
        """Move the copies to their places: all of them, or none."""
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

    def sum_up(self, tell: Tell) -> None:
        """Report what was imported, and what was there already."""
        if self._new:
            tell(f"{self._target}: {_join_names(self._new)}")
        if self._same:
            tell(f"{self._target}: {_join_names(self._same)}: already there")
        if self._needless:
            tell(f"{_join_names(self._needless)}: not needed: cldmon fetches its content again")

    def clear(self) -> None:
        """Remove the copies that are not in their places."""
        if self._copies.exists():
            with files.wrap_os_errors("remove", self._copies):
                shutil.rmtree(self._copies)

    def _copy(self, path: Path) -> None:
        if path.name == _SUBSCRIPTIONS:
            remarks = _check_subscriptions(path)
        else:
            remarks = _check_day(path) if parse_day(path.name) else []
        files.private_dir(self._copies)
        with _open(path) as file:
            files.replace(self._copies / path.name, _read_blocks(file))
        for remark in remarks:
            self._warn(f"{path}: {remark}: imported as it is")
        self._compare(path.name, path)

    def _split(self, path: Path) -> None:
        """Turn the single history file into day files, for days that have none yet."""
        parts = self._copies / "days"
        files.private_dir(parts)
        if damaged := _split_by_day(path, parts):
            self._warn(f"{path}: {damaged} line(s) are damaged: not imported")
        for part in sorted(parts.iterdir()):
            twin = path.with_name(part.name)
            if not twin.exists():
                part.rename(self._copies / part.name)
                self._compare(part.name, path)
            elif lost := len({*_read_lines(part)} - {*_read_lines(twin)}):
                day = parse_day(part.name)
                self._warn(f"{path}: {lost} line(s) of {day}, which has a day file: not imported")

    def _compare(self, name: str, source: Path) -> None:
        """Sort a copy by what is at its place: nothing is overwritten."""
        place = self._target / name
        with files.wrap_os_errors("read", place):
            if not place.exists():
                self._new.append(name)
            elif filecmp.cmp(self._copies / name, place, shallow=False):
                self._same.append(name)
            else:
                self._warn(f"{source}: {place} exists and differs: not imported")


class _UnreadableError(Exception):
    """Why a file of the source can't be imported."""


class _DamagedError(Exception):
    """Why a day file can't be read to its end."""


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    try:
        file = files.open_regular(path)
    except OSError as error:
        raise _UnreadableError(f"cannot be read: {error.strerror}") from error
    with file:
        yield file


def _read_blocks(file: IO[bytes]) -> Iterator[bytes]:
    try:
        while block := file.read(BLOCK):
            yield block
    except OSError as error:
        raise _UnreadableError(f"cannot be read: {error.strerror}") from error


def _decompress(file: IO[bytes]) -> Iterator[bytes]:
    try:
        with gzip.open(file) as compressed:
            while block := compressed.read(BLOCK):
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise _DamagedError("is torn and cannot be decompressed to its end") from error


def _read_lines(path: Path, most: int | None = None) -> Iterator[bytes]:
    """Yield the lines of a history that are not empty; of very long ones, their parts.

    Raises _DamagedError, also if they come from more than `most` bytes.
    """
    read, rest = 0, b""
    with _open(path) as file:
        for block in _decompress(file) if path.suffix == ".gz" else _read_blocks(file):
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
        SubscriptionsFile(path.parent).load()
    except StoreError as error:
        # It would only be in the way of the subscriptions that are made here.
        why = "is not understood; `cldmon subscribe` sets people's alerts"
        raise _UnreadableError(why) from error
    people = json.loads(files.read(path) or b"{}").get("users", {}).values()
    without = sum(1 for settings in people if not settings.get("accounts"))
    return [f"{without} of {len(people)} people have no alerts for any account"] if without else []


def _check_day(path: Path) -> list[str]:
    """Return what is wrong with a day file; its readers skip what is damaged."""
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
    """Append the good lines of a history to a file for each UTC day; return how many are bad."""
    days: dict[date, list[bytes]] = defaultdict(list)
    size = damaged = 0

    def flush() -> None:
        for day, lines in days.items():
            files.append_line(day_path(folder, day), b"\n".join(lines))
        days.clear()

    for line in _read_lines(path):
        if day := _parse_date(line):
            days[day].append(line)
            size += len(line)
        else:
            damaged += 1
        if size > BLOCK:
            flush()
            size = 0
    flush()
    return damaged


def _parse_date(line: bytes) -> date | None:
    """Return the UTC date of a history line, or None if it is damaged."""
    try:
        if not line.startswith(PREFIX):
            return None
        json.loads(line)
        return line_date(line.decode())
    except (ValueError, OverflowError, RecursionError):
        return None


def _join_names(names: list[str]) -> str:
    """Return the names of files, but only the number of day files."""
    days = sum(1 for name in names if parse_day(name))
    counted = [f"{days} day file{'' if days == 1 else 's'}"] if days else []
    return ", ".join(counted + [name for name in names if not parse_day(name)])
