"""The sessions that were ended early: a list in a file, which fails closed.

Without the list they would be alive again. So where it is damaged or gone, every session that was
opened until now has ended, too.
"""

from __future__ import annotations

import errno
import json
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from cldmon import files
from cldmon.domain.model import to_ms
from cldmon.errors import BusyError, StoreError
from cldmon.web.concurrency import LOCK_SECONDS
from cldmon.web.file_cache import FileCache
from cldmon.web.log import log

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

LIFETIME = timedelta(days=7)
"""How long a session lasts."""

MAX_REVOKED = 20_000

_ALL_SESSIONS = "*"
"""In the place of a session's id: every session that expires before this time has ended."""

_CLOCK_DRIFT = timedelta(hours=1)
_TRANSIENT_ERRNOS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}
"""Troubles of the machine, not of a file."""


class DamagedFileError(Exception):
    """A private file of the server's is not what the server wrote."""


class Ended(Protocol):
    """What is asked of a session."""

    @property
    def id(self) -> str:
        """What the list knows it by; a guest's begins with `g`."""

    @property
    def expires(self) -> datetime:
        """When it ends by itself."""


class Revocations:
    """The sessions that were ended by a logout, each until it would have expired.

    `now` gives UTC instants.
    A logout waits for other processes for `patience` seconds at most.
    """

    def __init__(
        self,
        data_dir: Path,
        now: Callable[[], datetime],
        patience: float = LOCK_SECONDS,
    ) -> None:
        self._path = data_dir / "revoked-sessions.json"
        self._lock = data_dir / "revoked-sessions.lock"
        self._now = now
        self._patience = patience
        self._cache = FileCache(self._path, self._load)
        self._cache.value()  # before anybody logs in

    def __contains__(self, session: Ended) -> bool:
        ends = self._cache.value()
        return session.id in ends or to_ms(session.expires) < ends.get(_ALL_SESSIONS, 0)

    def add(self, session: Ended) -> None:
        """End a session for good; those that have expired by now are forgotten.

        Raises StoreError where the file cannot be written, BusyError where others hold its lock.
        """
        files.private_dir(self._path.parent)
        with files.lock(self._lock, wait=self._patience):
            try:
                ends = self._read()
            except DamagedFileError:
                ends = None
            ends = self._cache.value() if ends is None else ends
            self._write({**ends, session.id: to_ms(session.expires)})

    def _load(self) -> dict[str, int]:
        """Return the ends by session id; raises StoreError for trouble that may pass."""
        try:
            ends = self._read()
        except DamagedFileError as error:
            log.warning("%s: everybody has to log in again", error)
            ends = None
        if ends is None:
            ends = {_ALL_SESSIONS: to_ms(self._now() + LIFETIME)}
            with suppress(StoreError, BusyError):  # then for the life of this process
                self._begin(ends)
        return ends

    def _begin(self, ends: dict[str, int]) -> None:
        files.private_dir(self._path.parent)
        with files.lock(self._lock, wait=0):
            self._write(ends)

    def _read(self) -> dict[str, int] | None:
        """Return what is in the file, None where there is none; raises DamagedFileError."""
        text = read_private(self._path)
        if text is None:
            return None
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            body = None
        if not (isinstance(body, dict) and self._is_ours(body)):
            raise DamagedFileError(f"{self._path} is damaged")
        return body

    def _is_ours(self, body: dict[Any, Any]) -> bool:
        latest = to_ms(self._now() + LIFETIME + _CLOCK_DRIFT)  # later: by a clock that was wrong
        return (
            all(type(end) is int for end in body.values()) and body.get(_ALL_SESSIONS, 0) < latest
        )

    def _write(self, ends: dict[str, int]) -> None:
        files.replace(self._path, json.dumps(_pruned(ends, to_ms(self._now()))).encode())


def read_private(path: Path) -> bytes | None:
    """Return what is in a private file of the server's, or None where there is none.

    Raises DamagedFileError if something else is in its place, StoreError for a transient problem.
    """
    try:
        return files.read(path)
    except StoreError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _TRANSIENT_ERRNOS:
            raise
        raise DamagedFileError(str(error)) from error


def _pruned(ends: dict[str, int], now_ms: int) -> dict[str, int]:
    """Leave out what has expired and, of too many, guests first: anybody may be a guest."""
    live = [(id_, end) for id_, end in ends.items() if end > now_ms]
    live.sort(key=lambda entry: (not entry[0].startswith("g"), entry[1]))
    return dict(live[-MAX_REVOKED:])
