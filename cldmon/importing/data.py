"""A Node program's data folder: which files are taken, byte for byte, and which are not."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.errors import StoreError
from cldmon.importing import node
from cldmon.store import HEALTH_LOG, pass_lock
from cldmon.store.history import PREFIX, date_of, day_of, day_path
from cldmon.store.subscriptions import SubscriptionsFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    Tell = Callable[[str], None]

_SUBSCRIPTIONS = "subscriptions.json"


def take_data(source: Path, target: Path, *, tell: Tell, warn: Tell) -> bool:
    """Copy the data files of `source` to `target`; return whether there were any to copy.

    Raises BusyError while a pass runs in `target`, StoreError where it cannot be written.
    """
    if not source.is_dir():
        warn(f"{source}: there is no such folder: no data is taken")
        return False
    if source.resolve() == target.resolve():
        warn(f"{source}: is the data_dir itself: its files stay as they are")
        return True
    with files.explained("list", source):
        paths = sorted(source.iterdir())
    files.private_dir(target)
    with pass_lock(target):
        taking = _Taking(target, warn)
        for path in paths:
            taking.take(path)
    taking.sum_up(tell)
    return bool(taking.new + taking.same)


class _Taking:
    """Copies file after file, and counts what became of them."""

    def __init__(self, target: Path, warn: Tell) -> None:
        self._target = target
        self._warn = warn
        self.new: list[str] = []
        self.same: list[str] = []
        self.needless: list[str] = []

    def take(self, path: Path) -> None:
        """Copy one file, if it is of a kind that is taken, or warn why it is not."""
        try:
            if path.is_file() and path.name == node.SINGLE_HISTORY:
                self._split(path)
            elif path.is_file() and _is_ours(path.name):
                self._copy(path)
            elif path.is_file() and path.name in node.CACHES:
                self.needless.append(path.name)
            else:
                self._warn(f"{path}: is no data file of the Node program: not taken")
        except _UnreadableError as error:
            self._warn(f"{path}: {error}: not taken")

    def sum_up(self, tell: Tell) -> None:
        """Say what was taken, and what was there already."""
        if self.new:
            tell(f"{self._target}: {_names(self.new)}")
        if self.same:
            tell(f"{self._target}: {_names(self.same)}: there already")
        if self.needless:
            tell(f"{_names(self.needless)}: not needed: what is in it is looked up again")

    def _copy(self, path: Path) -> None:
        data = _content(path)
        if path.name == _SUBSCRIPTIONS:
            _insist_on_sense(path)
        for remark in _remarks(path.name, data):
            self._warn(f"{path}: {remark}: taken as it is")
        self._put(path.name, data, path)

    def _split(self, path: Path) -> None:
        """Turn the one history file of old into day files, where there is none for a day yet."""
        days, damaged = _days(_content(path))
        if damaged:
            self._warn(f"{path}: {damaged} line(s) are damaged: not taken")
        for day, lines in days.items():
            twin = day_path(path.parent, day)
            if not twin.exists():
                self._put(twin.name, b"".join(lines), path)
            elif lost := len(set(lines) - set(_content(twin).splitlines(keepends=True))):
                self._warn(f"{path}: {lost} line(s) of {day}, which has a day file: not taken")

    def _put(self, name: str, data: bytes, source: Path) -> None:
        place = self._target / name
        if not place.exists():
            files.replace(place, data)
            self.new.append(name)
        elif _existing(place) == data:
            self.same.append(name)
        else:
            self._warn(f"{source}: {place} exists and differs, so it is left as it is: not taken")


class _UnreadableError(Exception):
    """Why a file of the source cannot be taken."""


def _is_ours(name: str) -> bool:
    return name in (_SUBSCRIPTIONS, HEALTH_LOG) or day_of(name) is not None


def _content(path: Path) -> bytes:
    try:
        with files.opened(path) as file:
            return file.read()
    except OSError as error:
        raise _UnreadableError(f"cannot be read: {error.strerror}") from error


def _existing(path: Path) -> bytes:
    return files.read(path) or b""


def _insist_on_sense(path: Path) -> None:
    """Refuse subscriptions that nobody could be told by: here they would only stand in the way."""
    try:
        SubscriptionsFile(path.parent).load()
    except StoreError as error:
        why = "is not understood; `cldmon subscribe` sets people's alerts"
        raise _UnreadableError(why) from error


def _remarks(name: str, data: bytes) -> Iterator[str]:
    """Yield what is damaged in a file; whoever reads it later passes over that."""
    if name == _SUBSCRIPTIONS:
        yield from _people_without_alerts(data)
    if day_of(name) is None:
        return
    text, whole = _unpacked(data) if name.endswith(".gz") else (data, True)
    if not whole:
        yield "is torn and cannot be unpacked to its end"
    if damaged := _days(text)[1]:
        yield f"{damaged} line(s) are damaged"


def _people_without_alerts(data: bytes) -> Iterator[str]:
    people = json.loads(data).get("users", {}).values()
    if without := sum(1 for settings in people if not settings.get("accounts")):
        yield f"{without} of {len(people)} people have no alerts for any account"


def _unpacked(data: bytes) -> tuple[bytes, bool]:
    try:
        return gzip.decompress(data), True
    except (OSError, EOFError, zlib.error):
        return b"", False


def _days(text: bytes) -> tuple[dict[date, list[bytes]], int]:
    """Return the good lines of a history by UTC date, and the number of the others."""
    days: dict[date, list[bytes]] = defaultdict(list)
    damaged = 0
    for line in filter(None, text.split(b"\n")):
        if day := _day(line):
            days[day].append(line + b"\n")
        else:
            damaged += 1
    return days, damaged


def _day(line: bytes) -> date | None:
    """Return the UTC date of a history line, or None for one that is damaged."""
    try:
        json.loads(line)
        return date_of(line.decode()) if line.startswith(PREFIX) else None
    except (ValueError, OverflowError, RecursionError):
        return None


def _names(names: list[str]) -> str:
    """Return the names of files, but only the number of those that there are many of."""
    days = [name for name in names if day_of(name)]
    others = [name for name in names if name not in days]
    counted = [f"{len(days)} day file{'' if len(days) == 1 else 's'}"] if days else []
    return ", ".join(counted + others)
