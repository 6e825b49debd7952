"""The sessions that were ended early, as a list in a file. It fails closed.

Without the list they would be valid again. So if it is damaged or missing, all sessions end.
"""

from __future__ import annotations

import errno
import json
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from cldmon import files
from cldmon.domain.instants import to_ms
from cldmon.errors import BusyError, StoreError
from cldmon.files import FileCache
from cldmon.web.limits import LOCK_SECONDS
from cldmon.web.log import log

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

T = TypeVar("T")

LIFETIME = timedelta(days=7)
"""How long the cookie of a session is valid."""

MAX_REVOKED = 20_000

_ALL_SESSIONS = "*"
"""In place of a session id: every session that expires before this time has ended."""

_CLOCK_DRIFT = timedelta(hours=1)
_TRANSIENT_ERRNOS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}
"""Problems of the machine, not of the file."""


class Revocations:
    """The sessions that were ended by a logout, until none of their cookies can be valid.

    `now` returns UTC instants. A logout waits at most `patience` seconds for other processes.
    The id of a guest's session begins with `g`.
    """

    def __init__(
        self, data_dir: Path, now: Callable[[], datetime], patience: float = LOCK_SECONDS
    ) -> None:
        self._path = data_dir / "revoked-sessions.json"
        self._lock = data_dir / "revoked-sessions.lock"
        self._now = now
        self._patience = patience
        self._cache = FileCache(self._path, self._load)
        self._cache.value()  # before anybody logs in

    def has_ended(self, id_: str, expires: datetime) -> bool:
        """Return whether a session was ended."""
        ends = self._cache.value()
        return id_ in ends or to_ms(expires) < ends.get(_ALL_SESSIONS, 0)

    def add(self, id_: str, expires: datetime) -> None:
        """End a session for good, and drop expired entries.

        Raises StoreError if the file cannot be written, BusyError if others hold its lock.
        """
        files.create_private_dir(self._path.parent)
        with files.lock(self._lock, wait=self._patience):
            ends = read_private(self._path, self._parse)
            if ends is None:
                ends = self._cache.value()
            # Requests that are being answered may still set later cookies.
            end = max(expires, self._now() + LIFETIME) + _CLOCK_DRIFT
            self._write({**ends, id_: to_ms(end)})

    def _load(self) -> dict[str, int]:
        """Return the ends by session id, or end all sessions if the list is damaged or missing.

        Raises StoreError for a transient problem.
        """
        ends = read_private(self._path, self._parse)
        if ends is None:
            ends = {_ALL_SESSIONS: to_ms(self._now() + LIFETIME)}
            with suppress(StoreError, BusyError):  # if so, this process remembers it
                files.create_private_dir(self._path.parent)
                with files.lock(self._lock, wait=0):
                    self._write(ends)
        return ends

    def _parse(self, content: bytes) -> dict[str, int] | None:
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            return None
        latest = to_ms(self._now() + LIFETIME + _CLOCK_DRIFT)  # later: the clock was wrong
        is_valid = (
            isinstance(body, dict)
            and all(type(end) is int for end in body.values())
            and body.get(_ALL_SESSIONS, 0) < latest
        )
        return body if is_valid else None

    def _write(self, ends: dict[str, int]) -> None:
        """Write what has not expired. Of too many, guests are dropped: anyone can be one."""
        now = to_ms(self._now())
        live = [(id_, end) for id_, end in ends.items() if end > now]
        live.sort(key=lambda entry: (not entry[0].startswith("g"), entry[1]))
        files.replace(self._path, json.dumps(dict(live[-MAX_REVOKED:])).encode())


def read_private(path: Path, parse: Callable[[bytes], T | None]) -> T | None:
    """Return what `parse` makes of a private file of the server, or None if there is none.

    None, and a line in the log, also if it is damaged: then `parse` returns None. Raises StoreError
    for a transient problem.
    """
    problem = f"{path} is damaged"
    try:
        content = files.read(path)
    except StoreError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _TRANSIENT_ERRNOS:
            raise
        content, problem = b"", str(error)
    if content is None:
        return None
    value = parse(content)
    if value is None:
        log.warning("%s: everyone has to log in again", problem)
    return value
