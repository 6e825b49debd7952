"""Who is logged in: signed cookies that last a week, and a list of those that were ended early.

Nothing is remembered of a session but its end, so they survive a restart.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import astuple, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from itsdangerous import BadData, URLSafeSerializer

from cldmon import files
from cldmon.domain.model import from_ms, to_ms
from cldmon.domain.secret import Secret
from cldmon.web.limits import LOCK_SECONDS
from cldmon.web.log import log
from cldmon.web.revocations import LIFETIME, DamagedFileError, read_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from cldmon.web.revocations import Revocations

MAX_NAME_LENGTH = 200

_SALT = "cldmon session"
_MAX_VERIFIED = 1024
_ID_BYTES = 12
_SECRET = re.compile(r"[!-~]{32,}")


@dataclass(frozen=True, slots=True)
class Session:
    """One login: of a Slack user, or of a guest, who has no `user`.

    `proved` says that a code was sent to the user and came back.
    """

    id: str
    user: str
    name: str
    proved: bool
    expires: datetime

    @property
    def is_guest(self) -> bool:
        """Whether nobody in particular is logged in."""
        return not self.user


@dataclass(frozen=True, slots=True)
class CookieScope:
    """Where a browser shall send the cookie: its port is part of the name, for cookies know none.

    A cookie for all of a host that goes by TLS alone has the prefix that keeps other hosts of the
    same domain from setting one of that name.
    """

    port: int
    path: str = "/"
    secure: bool = False

    @property
    def name(self) -> str:
        """What the cookie is called."""
        prefix = "__Host-" if self.secure and self.path == "/" else ""
        return f"{prefix}cldmon-sid-{self.port}"


class Sessions:
    """Makes and reads the cookies. `now` gives UTC instants. Threads may share it."""

    def __init__(self, secret: Secret, revoked: Revocations, now: Callable[[], datetime]) -> None:
        self._secret = secret
        self._revoked = revoked
        self._now = now
        self._signers: dict[str, URLSafeSerializer] = {}
        self._verified: dict[tuple[str, str], Session] = {}

    def open(self, user: str = "", name: str = "", *, proved: bool = False) -> Session:
        """Return a new session of a Slack user, or of a guest."""
        id_ = ("u" if user else "g") + secrets.token_hex(_ID_BYTES)
        return Session(id_, user, name[:MAX_NAME_LENGTH], proved, self._now() + LIFETIME)

    def read(self, cookies: str, scope: CookieScope) -> Session | None:
        """Return the live session that a Cookie header carries, if any; see `read_all`."""
        return next(iter(self.read_all(cookies, scope)), None)

    def read_all(self, cookies: str, scope: CookieScope) -> list[Session]:
        """Return the live sessions of all cookies of that name, the most personal and newest first.

        Another path or host of the same domain may have set one, and which of them a browser sends
        first says nothing: one that was planted must hide nobody's own.
        """
        found = (self._live(scope.name, value) for value in _values(cookies, scope.name))
        return sorted(filter(None, found), key=_rank, reverse=True)

    def end(self, session: Session) -> None:
        """End a session for good, also for copies of its cookie."""
        self._revoked.add(session)

    def set_cookie(self, session: Session, scope: CookieScope) -> str:
        """Return the Set-Cookie value that a browser shall keep."""
        *fields, expires = astuple(session)
        value = self._signer(scope.name).dumps([*fields, to_ms(expires)])
        return _set_cookie(scope, _text(value), LIFETIME // timedelta(seconds=1))

    def clear_cookie(self, scope: CookieScope) -> str:
        """Return the Set-Cookie value that makes a browser forget."""
        return _set_cookie(scope, "", 0)

    def _signer(self, name: str) -> URLSafeSerializer:
        """Return the signer of the cookies of one name.

        Bound to the name, which has the port: a server beside us that has the same secret knows
        nothing of a logout here, and may ask for less at a login.
        """
        if name not in self._signers:
            self._signers[name] = URLSafeSerializer(
                self._secret.reveal(),
                salt=f"{_SALT} {name}",
                signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
            )
        return self._signers[name]

    def _live(self, name: str, value: str) -> Session | None:
        session = self._verified.get((name, value)) or self._verify(name, value)
        if session is None or session.expires <= self._now() or session in self._revoked:
            return None
        return session

    def _verify(self, name: str, value: str) -> Session | None:
        try:
            id_, user, shown, proved, expires = self._signer(name).loads(value)
            session = Session(id_, user, shown, proved, from_ms(expires))
        except (BadData, ValueError, TypeError, OverflowError):
            return None
        if len(self._verified) >= _MAX_VERIFIED:
            self._verified.clear()
        self._verified[name, value] = session
        return session


def load_session_secret(data_dir: Path) -> Secret:
    """Return the secret kept in data_dir, made at the first call, and where it is damaged.

    Raises StoreError where it cannot be read or written, BusyError where others hold its lock.
    """
    path = data_dir / "session-secret"
    files.private_dir(data_dir)
    with files.lock(path.with_suffix(".lock"), wait=LOCK_SECONDS):
        try:
            text = _secret_in(path)
        except DamagedFileError as error:
            text = _new_secret(path)
            log.warning("%s: everybody has to log in again", error)
        return Secret(text or _new_secret(path))


def _secret_in(path: Path) -> str | None:
    """Return the secret in a file, if there is one; raises DamagedFileError."""
    content = read_private(path)
    if content is None:
        return None
    text = content.decode("ascii", errors="replace").strip()
    if not _SECRET.fullmatch(text):
        raise DamagedFileError(f"{path} is damaged")
    return text


def _new_secret(path: Path) -> str:
    text = secrets.token_urlsafe(32)
    files.replace(path, text.encode())
    return text


def _values(cookies: str, name: str) -> Iterator[str]:
    """Yield each value that a cookie of this name has."""
    for part in cookies.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            yield value


def _rank(session: Session) -> tuple[bool, bool, datetime]:
    return not session.is_guest, session.proved, session.expires


def _set_cookie(scope: CookieScope, value: str, max_age: int) -> str:
    tail = "; Secure" if scope.secure else ""
    attributes = f"Path={scope.path}; Max-Age={max_age}; HttpOnly; SameSite=Lax{tail}"
    return f"{scope.name}={value}; {attributes}"


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()
