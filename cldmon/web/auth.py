"""Who sent a request: someone with a session, a program with the API token, or a stranger."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cldmon.web.http import RefusedError

if TYPE_CHECKING:
    from cldmon.web.http import Request
    from cldmon.web.limits import CallerKey
    from cldmon.web.sessions import Session, Sessions
    from cldmon.web.settings import ServerSettings


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request. `address` identifies them for rate limits.

    With `only_guests`, while Slack is off, a person's session counts as a guest's.
    """

    session: Session | None = None
    has_token: bool = False
    address: str = ""
    only_guests: bool = False

    @property
    def is_authenticated(self) -> bool:
        """Whether they may see what requires a login."""
        return self.has_token or self.session is not None

    @property
    def user(self) -> str:
        """Their Slack id, empty for guests, programs and strangers."""
        return self.session.user if self.session and not self.only_guests else ""

    @property
    def name(self) -> str:
        """Their name, empty if `user` is."""
        return self.session.name if self.session and not self.only_guests else ""

    @property
    def key(self) -> CallerKey:
        """What their slots are counted by; see `cldmon.web.limits`.

        Anyone can be many guests, so all guests at an address share its slots.
        """
        if self.user:
            return "user", self.user
        if self.has_token:
            return ("token",)
        return "address", self.address, self.session.id if self.session else ""

    def to_json(self, settings: ServerSettings) -> dict[str, Any]:
        """Return what `GET /api/session` shows."""
        return {
            "authenticated": self.is_authenticated,
            "guest": self.session is not None and not self.user,
            "slackId": self.user,
            "slackName": self.name,
            "slackEnabled": settings.slack is not None,
            "guestsAdmitted": settings.admits_guests,
        }


def identify(request: Request, settings: ServerSettings, sessions: Sessions) -> Caller:
    """Return who sent a request; raises 401 for a wrong token.

    Schemes other than Bearer are ignored: a proxy in front may ask for a password.
    """
    address = settings.proxies.client_address(request)
    given, token = request.bearer_token, settings.api_token
    if given is None:
        session = sessions.read(request.header("cookie"), settings.cookie_scope(request))
        if session and not session.proved and settings.login == "code":
            session = None  # opened before a code was required
        return Caller(session, address=address, only_guests=settings.slack is None)
    if token is None or not hmac.compare_digest(
        given.encode(errors="replace"), token.reveal().encode()
    ):
        raise RefusedError(401, "Unauthorized", ("WWW-Authenticate", "Bearer"))
    return Caller(has_token=True, address=address)
