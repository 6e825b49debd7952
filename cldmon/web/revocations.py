"""The sessions that were ended early, as a list in a file. It fails closed.

Without the list they would be valid again. So if it is damaged or missing, all sessions end.
"""

from __future__ import annotations

import errno
import json
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from cldmon import files
from cldmon.domain.instants import to_ms
from cldmon.errors import BusyError, StoreError
from cldmon.web.file_cache import FileCache
from cldmon.web.limits import LOCK_SECONDS
from cldmon.web.log import log

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

LIFETIME = timedelta(days=7)
"""How long the cookie of a session is valid."""

MAX_REVOKED = 20_000

_ALL_SESSIONS = "*"
"""In place of a session id: every session that expires before this time has ended."""

_CLOCK_DRIFT = timedelta(hours=1)
_TRANSIENT_ERRNOS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}
"""Problems of the machine, not of the file."""


class DamagedFileError(Exception):
    """A private file of the server is not what the server wrote."""


class Revocable(Protocol):
    """What the list needs of a session."""

    @property
    def id(self) -> str:
        """Its id in the list; a guest's begins with `g`."""

    @property
    def expires(self) -> datetime:
        """When it expires."""


class Revocations:
    """The sessions that were ended by a logout, until none of their cookies can be valid.

    `now` returns UTC instants. A logout waits at most `patience` seconds for other processes.
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

    def __contains__(self, session: Revocable) -> bool:
        ends = self._cache.value()
        return session.id in ends or to_ms(session.expires) < ends.get(_ALL_SESSIONS, 0)

    def add(self, session: Revocable) -> None:
        """End a session for good, and drop expired entries.

        Raises StoreError if the file cannot be written, BusyError if others hold its lock.
        """
        files.private_dir(self._path.parent)
        with files.lock(self._lock, wait=self._patience):
            try:
                ends = self._read()
            except DamagedFileError:
                ends = None
            ends = self._cache.value() if ends is None else ends
            # Requests that are being answered may still set later cookies.
            expires = max(session.expires, self._now() + LIFETIME) + _CLOCK_DRIFT
            self._write({**ends, session.id: to_ms(expires)})

    def _load(self) -> dict[str, int]:
        """Return the ends by session id, or end all sessions if the list is damaged or missing.

        Raises StoreError for a transient problem.
        """
        try:
            ends = self._read()
        except DamagedFileError as error:
            log.warning("%s: everyone has to log in again", error)
            ends = None
        if ends is None:
            ends = {_ALL_SESSIONS: to_ms(self._now() + LIFETIME)}
            with suppress(StoreError, BusyError):  # if so, this process remembers it
                files.private_dir(self._path.parent)
                with files.lock(self._lock, wait=0):
                    self._write(ends)
        return ends

    def _read(self) -> dict[str, int] | None:
        """Return what is in the file, None if there is none; raises DamagedFileError."""
        text = read_private(self._path)
        if text is None:
            return None
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            body = None
        latest = to_ms(self._now() + LIFETIME + _CLOCK_DRIFT)  # later: the clock was wrong
        if not (
            isinstance(body, dict)
            and all(type(end) is int for end in body.values())
            and body.get(_ALL_SESSIONS, 0) < latest
        ):
            raise DamagedFileError(f"{self._path} is damaged")
        return body

    def _write(self, ends: dict[str, int]) -> None:
        """Write what has not expired. Of too many, guests are dropped: anyone can be one."""
        now = to_ms(self._now())
        live = [(id_, end) for id_, end in ends.items() if end > now]
        live.sort(key=lambda entry: (not entry[0].startswith("g"), entry[1]))
        files.replace(self._path, json.dumps(dict(live[-MAX_REVOKED:])).encode())


def read_private(path: Path) -> bytes | None:
    """Return what is in a private file of the server, or None if there is none.

    Raises DamagedFileError if something else is in its place, StoreError for a transient problem.
    """
    try:
        return files.read(path)
    except StoreError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _TRANSIENT_ERRNOS:
            raise
        raise DamagedFileError(str(error)) from error
