"""Who asks: a session, a program with the API token, or nobody in particular."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cldmon.web.http import RefusedError

if TYPE_CHECKING:
    from cldmon.web.concurrency import CallerKey
    from cldmon.web.http import Request
    from cldmon.web.services import ServerSettings, Services
    from cldmon.web.sessions import Session


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request. `address` is what their tries are counted by."""

    session: Session | None = None
    has_token: bool = False
    address: str = ""

    @property
    def is_authenticated(self) -> bool:
        """Whether they may read what is behind the login."""
        return self.has_token or self.session is not None

    @property
    def user(self) -> str:
        """Their Slack id, empty for guests, programs and strangers."""
        return self.session.user if self.session else ""

    @property
    def name(self) -> str:
        """How they are called, empty as `user` is."""
        return self.session.name if self.session else ""

    def with_session(self, session: Session) -> Caller:
        """Return them as they are once this session is theirs."""
        return replace(self, session=session)

    def to_json(self, settings: ServerSettings) -> dict[str, Any]:
        """Return what `GET /api/session` says of them."""
        return {
            "authenticated": self.is_authenticated,
            "guest": self.session is not None and self.session.is_guest,
            "slackId": self.user,
            "slackName": self.name,
            "slackEnabled": settings.slack is not None,
            "guestsAdmitted": settings.admits_guests,
        }


def identify(request: Request, services: Services) -> Caller:
    """Return who sent a request; raises 401 for a wrong token.

    Other schemes than Bearer are not for us: a proxy in front may ask for a password.
    """
    address = services.settings.proxies.client_address(request)
    scheme, _, given = request.header("authorization").partition(" ")
    if scheme.lower() != "bearer":
        return Caller(_session(request, services), address=address)
    if not _is_token(given.strip(), services.settings):
        raise RefusedError(401, "Unauthorized", ("WWW-Authenticate", "Bearer"))
    return Caller(has_token=True, address=address)


def caller_key(caller: Caller) -> CallerKey:
    """Return the key that a caller's turns are counted by: see `cldmon.web.concurrency`.

    Anybody can be many guests, so all of those at an address share what one address gets.
    """
    if caller.user:
        return "user", caller.user
    if caller.has_token:
        return ("token",)
    return "address", caller.address, caller.session.id if caller.session else ""


def _session(request: Request, services: Services) -> Session | None:
    """Return the session as far as the present configuration honours it."""
    cookies = request.header("cookie")
    session = services.sessions.read(cookies, services.settings.cookie_scope(request))
    if session is None or session.proved or services.settings.login == "open":
        return _as_guest(session) if session and services.settings.slack is None else session
    return None


def _as_guest(session: Session) -> Session:
    if not (session.user or session.name):
        return session
    return replace(session, user="", name="")


def _is_token(given: str, settings: ServerSettings) -> bool:
    wanted = settings.api_token
    return wanted is not None and hmac.compare_digest(
        given.encode(errors="replace"), wanted.reveal().encode()
    )
