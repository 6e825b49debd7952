"""The simulated claude.ai with faults and challenges."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cldmon.demo.claude import WRONG_ORGANIZATION, SimClaude, invalid_session
from cldmon.demo.server import Response, html_response, json_response, redirect_response
from tests.simulation.challenges import (
    CHALLENGE_PAGE,
    SCRIPTS,
    Challenge,
    add_challenge_headers,
    challenge_page,
    challenge_script,
    clearance_cookie,
    is_cleared,
)
from tests.simulation.faults import Fault, instead
from tests.simulation.server import FaultyServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ssl import SSLContext

    from cldmon.demo.server import Reply, Request

_FURTHER_KEYS = {
    "id": 7,
    "parent_organization_uuid": None,
    "access_block": None,
    "billing_issue": None,
    "subscription_pause": None,
    "billable_usage_paused_until": None,
    "visibility_status": "visible",
}
"""Some of the real service's forty keys that cldmon does not read."""
NEVER = "Thu, 01 Jan 1970 00:00:00 GMT"


class FakeClaude(FaultyServer, SimClaude):
    """The simulated claude.ai; faults strike the routes `organizations` and `usage`."""

    def __init__(
        self, *, delay: float = 0.0, jitter: float = 0.0, tls: SSLContext | None = None
    ) -> None:
        self._challenges: dict[str, Challenge] = {}
        self._refusals: list[tuple[str, str, Response]] = []
        super().__init__(delay=delay, jitter=jitter, tls=tls)

    def set_usage(self, key: str, usage: Mapping[str, object] | Response) -> None:
        """Change the usage that the account's next answers contain."""
        self._accounts[key] = replace(self._accounts[key], usage=usage)

    def fail(self, key: str, fault: Fault, times: int | None = None) -> None:
        """Strike the account's next `times` requests, or all until `heal`; in order of planning."""
        self.faults.add(key, fault, times)

    def heal(self, key: str) -> None:
        """End all faults of the account."""
        self.faults.forget(key)

    def refuse(self, key: str, part: str, response: Response = WRONG_ORGANIZATION) -> None:
        """Answer the account's requests for a usage whose URL contains `part` with this."""
        self._refusals.append((key, part, response))

    def challenge(self, key: str, kind: Challenge | None) -> None:
        """Answer every request of the account with a challenge until it has a clearance.

        Whoever signs in passes it as well.
        """
        if kind:
            self._challenges[key] = kind
        else:
            self._challenges.pop(key, None)

    def match(self, request: Request) -> tuple[str, Callable[[], Reply]]:
        if script := re.fullmatch(f"{SCRIPTS}(.+)/(.+).js", request.path):
            return "", partial(challenge_script, *script.groups())
        return super().match(request)

    def reply(self, request: Request) -> Reply:
        kind = self._challenges.get(request.key or "")
        if kind and request.path.startswith("/api/") and not is_cleared(request):
            return challenge_page(request.key or "", kind)
        return super().reply(request)

    def _answer_organizations(self, request: Request) -> Reply:
        reply = super()._answer_organizations(request)
        if not isinstance(reply, Response) or reply.status != 200:
            return reply
        return json_response([{**each, **_FURTHER_KEYS} for each in json.loads(reply.body)])

    def _answer_usage(self, request: Request, uuid: str) -> Reply:
        url = f"{request.path}?{request.query}"
        for key, part, response in self._refusals:
            if key == request.key and part in url:
                return response
        return super()._answer_usage(request, uuid)

    def _answer_login(self, request: Request) -> Reply:
        response = super()._answer_login(request)
        if self._challenges.get(self._visitor or "") in (Challenge.SCRIPT, Challenge.PERSON):
            assert isinstance(response, Response)
            cookie = clearance_cookie(self._visitor or "")
            return response.with_headers(("Set-Cookie", cookie))
        return response


def cleared_session_cookie() -> str:
    """Return the Set-Cookie value that takes the session key away."""
    return f'sessionKey=""; Expires={NEVER}; Max-Age=0; Path=/; HttpOnly; SameSite=Lax'


def expired(status: int = 401) -> Fault:
    """The session key is expired or revoked (401 or 403)."""
    return instead(invalid_session(status), "expired")


def wrong_organization() -> Fault:
    """403 that blames the organization, without an error code."""
    return instead(WRONG_ORGANIZATION, "wrong organization")


def challenge(status: int = 403, *, header: bool = True) -> Fault:
    """Cloudflare's challenge page (403 or 503), with or without its `cf-mitigated` header."""
    page = html_response(CHALLENGE_PAGE, status)
    return instead(add_challenge_headers(page) if header else page, "challenge")


def login_redirect() -> Fault:
    """302 to the login page: the key is expired."""
    return instead(redirect_response("/login"), "to login")
