"""Sessions: signed cookies that are valid for a week, unless revoked, and renewed while in use.

The server stores only revocations, so sessions survive a restart.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from itsdangerous import BadData, URLSafeSerializer

from cldmon import files
from cldmon.domain.instants import from_ms, to_ms
from cldmon.domain.secret import Secret
from cldmon.web.limits import LOCK_SECONDS
from cldmon.web.revocations import LIFETIME, read_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from cldmon.web.revocations import Revocations

MAX_NAME_LENGTH = 200
MAX_LOGIN = timedelta(days=30)
"""How long after their login a person's session can be renewed."""

RENEW_AFTER = timedelta(days=1)
"""A session is renewed if its cookie is older."""

_SALT = "cldmon session"
_MAX_VERIFIED = 1024
_ID_BYTES = 12
_SECRET = re.compile(r"[!-~]{32,}")


@dataclass(frozen=True, slots=True)
class Session:
    """One login of a Slack user, or of a guest, who has no `user`.

    `proved`: the user entered a code that was sent to them; `opened` is the time of the login.
    """

    id: str
    user: str
    name: str
    proved: bool
    expires: datetime
    opened: datetime

    @property
    def is_guest(self) -> bool:
        """Whether it is a guest's."""
        return not self.user


@dataclass(frozen=True, slots=True)
class CookieScope:
    """Where browsers send the cookie. Its name includes the port, since cookies ignore ports.

    A TLS-only cookie for a whole host gets the `__Host-` prefix: other hosts of the same domain
    can't set a cookie with that name.
    """

    port: int
    path: str = "/"
    secure: bool = False

    @property
    def name(self) -> str:
        """The name of the cookie."""
        prefix = "__Host-" if self.secure and self.path == "/" else ""
        return f"{prefix}cldmon-sid-{self.port}"


class Sessions:
    """Makes and reads the cookies. `now` returns UTC instants. Threads may share it."""

    def __init__(self, secret: Secret, revoked: Revocations, now: Callable[[], datetime]) -> None:
        self._secret = secret
        self._revoked = revoked
        self._now = now
        # To verify a cookie takes as long as the rest of most responses. Invalid ones raise, and
        # are not remembered.
        self._verify = lru_cache(_MAX_VERIFIED)(self._load)

    def open(self, user: str = "", name: str = "", *, proved: bool = False) -> Session:
        """Return a new session of a Slack user, or of a guest."""
        id_, now = ("u" if user else "g") + secrets.token_hex(_ID_BYTES), self._now()
        return Session(id_, user, name[:MAX_NAME_LENGTH], proved, now + LIFETIME, now)

    def renew(self, session: Session) -> Session | None:
        """Return a session with a later end, or None if it does not need one or must not have it.

        A guest's may last forever, a person's until `MAX_LOGIN` after the login.
        """
        expires = self._now() + LIFETIME
        if session.expires >= expires - RENEW_AFTER:
            return None
        if not session.is_guest:
            expires = min(expires, session.opened + MAX_LOGIN)
        return replace(session, expires=expires) if expires > session.expires else None

    def read(self, cookies: str, scope: CookieScope) -> Session | None:
        """Return the valid session that a Cookie header carries, if any; see `read_all`."""
        return next(iter(self.read_all(cookies, scope)), None)

    def read_all(self, cookies: str, scope: CookieScope) -> list[Session]:
        """Return the valid sessions of all cookies of that name: personal, then newest ones first.

        Another path or host of the same domain may have set one, and browsers send them in any
        order: a planted cookie must not hide the user's own.
        """
        valid = []
        for part in cookies.split(";"):
            name, _, value = part.strip().partition("=")
            if name == scope.name:
                with suppress(BadData, ValueError, TypeError, OverflowError):
                    session = self._verify(name, value)
                    if self._is_valid(session):
                        valid.append(session)
        return sorted(valid, key=lambda s: (not s.is_guest, s.proved, s.expires), reverse=True)

    def end(self, session: Session) -> None:
        """Revoke a session, and with it every cookie that was ever set for it."""
        self._revoked.add(session.id, session.expires)

    def set_cookie(self, session: Session, scope: CookieScope) -> str:
        """Return the Set-Cookie value of a session."""
        *fields, expires, opened = astuple(session)
        value = self._make_signer(scope.name).dumps([*fields, to_ms(expires), to_ms(opened)])
        max_age = (session.expires - self._now()) // timedelta(seconds=1)
        return _format_cookie(scope, value, max_age)

    def clear_cookie(self, scope: CookieScope) -> str:
        """Return the Set-Cookie value that deletes the cookie."""
        return _format_cookie(scope, "", 0)

    def _is_valid(self, session: Session) -> bool:
        has_ended = self._revoked.has_ended(session.id, session.expires)
        return session.expires > self._now() and not has_ended

    def _load(self, name: str, value: str) -> Session:
        """Return the session of a cookie with a valid signature, even if it has expired."""
        id_, user, shown, proved, expires, *opened = self._make_signer(name).loads(value)
        # Cookies of older versions do not name the login: a week before they expire.
        [login] = map(from_ms, opened) if opened else [from_ms(expires) - LIFETIME]
        return Session(id_, user, shown, proved, from_ms(expires), login)

    def _make_signer(self, name: str) -> URLSafeSerializer:
        """Return the signer of the cookies of one name.

        The salt includes the name and thus the port: another server on this host with the same
        secret does not know who logged out here, and may require less to log in.
        """
        return URLSafeSerializer(
            self._secret.reveal(),
            salt=f"{_SALT} {name}",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )


def load_session_secret(data_dir: Path) -> Secret:
    """Return the secret in data_dir; generate one if there is none or it is damaged.

    Raises StoreError if it cannot be read or written, BusyError if others hold its lock.
    """
    path = data_dir / "session-secret"
    files.create_private_dir(data_dir)
    with files.lock(path.with_suffix(".lock"), wait=LOCK_SECONDS):
        if secret := read_private(path, _parse_secret):
            return secret
        text = secrets.token_urlsafe(32)
        files.replace(path, text.encode())
        return Secret(text)


def _parse_secret(content: bytes) -> Secret | None:
    """Return the secret; None if this might be guessed."""
    text = content.decode("ascii", errors="replace").strip()
    return Secret(text) if _SECRET.fullmatch(text) else None


def _format_cookie(scope: CookieScope, value: str, max_age: int) -> str:
    tail = "; Secure" if scope.secure else ""
    attributes = f"Path={scope.path}; Max-Age={max_age}; HttpOnly; SameSite=Lax{tail}"
    return f"{scope.name}={value}; {attributes}"
