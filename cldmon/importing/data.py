"""A Node program's data folder: which files are taken, byte for byte, and which are not.

They are copied into a folder beside their places first, and moved to their places when all of them
are there: until then nothing is changed, however it ends.
"""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from collections import defaultdict
from contextlib import contextmanager, nullcontext
from typing import IO, TYPE_CHECKING

from cldmon import files
from cldmon.errors import StoreError
from cldmon.importing import node
from cldmon.store import HEALTH_LOG, pass_lock
from cldmon.store.days import BLOCK, MOST_READ
from cldmon.store.history import PREFIX, day_path, line_date, parse_day
from cldmon.store.lines import LONGEST_LINE, MOST_LINES
from cldmon.store.subscriptions import SubscriptionsFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import date
    from pathlib import Path

    Tell = Callable[[str], None]

_STAGING = ".import"
_SUBSCRIPTIONS = "subscriptions.json"


def staged(source: Path, target: Path, warn: Tell) -> AbstractContextManager[Staged]:
    """Copy the data files of `source` into `target`, for the block to put them in their places.

    Raises BusyError while a pass runs in `target`, StoreError where it cannot be written.
    """
    if not source.is_dir():
        warn(f"{source}: there is no such folder: no data is taken")
        return nullcontext(Staged(target, warn))
    if source.resolve() == target.resolve():
        warn(f"{source}: is the data_dir itself: its files stay as they are")
        return nullcontext(Staged(target, warn, are_there=True))
    return _copied(source, target, warn)


@contextmanager
def _copied(source: Path, target: Path, warn: Tell) -> Iterator[Staged]:
    with files.wrap_os_errors("list", source):
        paths = sorted(source.iterdir())
    files.private_dir(target)
    with pass_lock(target):
        copies = Staged(target, warn)
        try:
            copies.clear()  # of an import that was killed
            for path in paths:
                copies.take(path)
            yield copies
        finally:
            copies.clear()


class Staged:
    """The files that are taken, before they are in their places, and what became of others."""

    def __init__(self, target: Path, warn: Tell, *, are_there: bool = False) -> None:
        self._target = target
        self._copies = target / _STAGING
        self._warn = warn
        self._are_there = are_there
        self._new: list[str] = []
        self._same: list[str] = []
        self._needless: list[str] = []

    def __bool__(self) -> bool:
        """Return whether there was anything to take."""
        return bool(self._are_there or self._new or self._same)

    def take(self, path: Path) -> None:
        """Copy one file, if it is of a kind that is taken, or warn why it is not."""
        try:
            if path.is_file() and path.name == node.SINGLE_HISTORY:
                self._split(path)
            elif path.is_file() and _is_ours(path.name):
                self._copy(path)
            elif path.is_file() and path.name in node.CACHES:
                self._needless.append(path.name)
            else:
                self._warn(f"{path}: is no data file of the Node program: not taken")
        except _UnreadableError as error:
            self._warn(f"{path}: {error}: not taken")

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
        """Say what was taken, and what was there already."""
        if self._new:
            tell(f"{self._target}: {_names(self._new)}")
        if self._same:
            tell(f"{self._target}: {_names(self._same)}: there already")
        if self._needless:
            tell(f"{_names(self._needless)}: not needed: what is in it is looked up again")

    def clear(self) -> None:
        """Remove the copies that are not in their places."""
        if self._copies.exists():
            with files.wrap_os_errors("remove", self._copies):
                shutil.rmtree(self._copies)

    def _copy(self, path: Path) -> None:
        if path.name == _SUBSCRIPTIONS:
            _insist_on_sense(path)
        remarks = [*_remarks(path)]
        files.private_dir(self._copies)
        with _opened(path) as file:
            files.replace(self._copies / path.name, _blocks(file))
        for remark in remarks:
            self._warn(f"{path}: {remark}: taken as it is")
        self._compare(path.name, path)

    def _split(self, path: Path) -> None:
        """Turn the one history file of old into day files, where there is none for a day yet."""
        parts = self._copies / "days"
        files.private_dir(parts)
        if damaged := _split_by_day(path, parts):
            self._warn(f"{path}: {damaged} line(s) are damaged: not taken")
        for part in sorted(parts.iterdir()):
            twin = path.with_name(part.name)
            if not twin.exists():
                part.rename(self._copies / part.name)
                self._compare(part.name, path)
            elif lost := len({*_lines(part)} - {*_lines(twin)}):
                day = parse_day(part.name)
                self._warn(f"{path}: {lost} line(s) of {day}, which has a day file: not taken")

    def _compare(self, name: str, source: Path) -> None:
        """Decide about a copy: nothing that is there already is overwritten."""
        place = self._target / name
        if not place.exists():
            self._new.append(name)
        elif _is_same(self._copies / name, place):
            self._same.append(name)
        else:
            self._warn(f"{source}: {place} exists and differs, so it is left as it is: not taken")


class _UnreadableError(Exception):
    """Why a file of the source cannot be taken."""


class _TornError(Exception):
    """A packed file cannot be unpacked to its end."""


class _TooLargeError(Exception):
    """A file has more in it than a day ever has."""


def _is_ours(name: str) -> bool:
    return name in (_SUBSCRIPTIONS, HEALTH_LOG) or parse_day(name) is not None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        file = files.open_regular(path)
    except OSError as error:
        raise _UnreadableError(f"cannot be read: {error.strerror}") from error
    with file:
        yield file


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    try:
        while block := file.read(BLOCK):
            yield block
    except OSError as error:
        raise _UnreadableError(f"cannot be read: {error.strerror}") from error


def _unpacked(file: IO[bytes]) -> Iterator[bytes]:
    try:
        with gzip.open(file) as packed:
            while block := packed.read(BLOCK):
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise _TornError from error


def _lines(path: Path, most: int | None = None) -> Iterator[bytes]:
    """Yield the lines of a history that are not empty, of longer ones their parts.

    Raises _TornError, and _TooLargeError where they come of more than `most` bytes.
    """
    read, rest = 0, b""
    with _opened(path) as file:
        for block in _unpacked(file) if path.suffix == ".gz" else _blocks(file):
            *lines, rest = (rest + block).split(b"\n")
            yield from filter(None, lines)
            if len(rest) > LONGEST_LINE:
                yield rest
                rest = b""
            read += len(block)
            if most and read > most:
                raise _TooLargeError
    if rest:
        yield rest


def _is_same(copy: Path, place: Path) -> bool:
    with (
        files.wrap_os_errors("read", place),
        files.open_regular(copy) as one,
        files.open_regular(place) as other,
    ):
        while block := one.read(BLOCK):
            if block != other.read(BLOCK):
                return False
        return not other.read(1)


def _insist_on_sense(path: Path) -> None:
    """Refuse subscriptions that nobody could be told by: here they would only stand in the way."""
    try:
        SubscriptionsFile(path.parent).load()
    except StoreError as error:
        why = "is not understood; `cldmon subscribe` sets people's alerts"
        raise _UnreadableError(why) from error


def _remarks(path: Path) -> Iterator[str]:
    """Yield what is damaged in a file; whoever reads it later passes over that."""
    if path.name == _SUBSCRIPTIONS:
        yield from _people_without_alerts(files.read(path) or b"{}")
    if parse_day(path.name) is None:
        return
    try:
        if damaged := _count_damaged(path):
            yield f"{damaged} line(s) are damaged"
    except _TornError:
        yield "is torn and cannot be unpacked to its end"
    except _TooLargeError:
        yield "holds more than a day ever does"


def _count_damaged(path: Path) -> int:
    damaged = 0
    for number, line in enumerate(_lines(path, MOST_READ)):
        if number > MOST_LINES:
            raise _TooLargeError
        damaged += _day(line) is None
    return damaged


def _people_without_alerts(data: bytes) -> Iterator[str]:
    people = json.loads(data).get("users", {}).values()
    if without := sum(1 for settings in people if not settings.get("accounts")):
        yield f"{without} of {len(people)} people have no alerts for any account"


def _split_by_day(path: Path, folder: Path) -> int:
    """Append the good lines of a history to a file for each UTC day; return how many are bad."""
    days: dict[date, list[bytes]] = defaultdict(list)
    size = damaged = 0
    for line in _lines(path):
        if day := _day(line):
            days[day].append(line)
            size += len(line)
        else:
            damaged += 1
        if size > BLOCK:
            _append(days, folder)
            size = 0
    _append(days, folder)
    return damaged


def _append(days: dict[date, list[bytes]], folder: Path) -> None:
    for day, lines in days.items():
        files.append_line(day_path(folder, day), b"\n".join(lines))
    days.clear()


def _day(line: bytes) -> date | None:
    """Return the UTC date of a history line, or None for one that is damaged."""
    try:
        if not line.startswith(PREFIX):
            return None
        json.loads(line)
        return line_date(line.decode())
    except (ValueError, OverflowError, RecursionError):
        return None


def _names(names: list[str]) -> str:
    """Return the names of files, but only the number of those that there are many of."""
    days = [name for name in names if parse_day(name)]
    others = [name for name in names if name not in days]
    counted = [f"{len(days)} day file{'' if len(days) == 1 else 's'}"] if days else []
    return ", ".join(counted + others)
