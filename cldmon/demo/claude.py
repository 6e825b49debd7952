"""A simulated claude.ai: the two requests that cldmon makes, and a page to sign in.

Its shapes and errors are those that were seen at the real service up to November 2026 (usage
answers: `cldmon.demo.usage_json`); no account is needed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from cldmon.demo.challenges import CHALLENGE_PAGE as CHALLENGE_PAGE
from cldmon.demo.challenges import (
    SCRIPTS,
    challenge_page,
    challenge_script,
    clearance_cookie,
    is_cleared,
    marked,
)
from cldmon.demo.challenges import Challenge as Challenge
from cldmon.demo.faults import Fault, instead
from cldmon.demo.http import Request, Route, SimServer
from cldmon.demo.replies import Answer, Reply, html_answer, json_answer, redirect_answer
from cldmon.demo.usage_json import instant
from cldmon.demo.usage_json import usage as usage
from cldmon.demo.usage_json import usage_credits as usage_credits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ssl import SSLContext

GOLDEN = 0.618033988749895
KEY_DAYS = 28
NEVER = "Thu, 01 Jan 1970 00:00:00 GMT"

LOGIN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="refresh" content="1"><title>Sign in - simulated claude.ai</title>
<h1>Sign in</h1><p>Waiting for the simulated person.</p></html>"""
HOME_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<title>Simulated claude.ai</title><h1>Welcome back</h1></html>"""


@dataclass(frozen=True)
class SimOrganization:
    """An organization as `GET /api/organizations` lists it."""

    uuid: str
    name: str = "Example"
    capabilities: tuple[str, ...] = ("chat", "claude_pro")
    rate_limit_tier: str = "default_claude_ai"
    billing_type: str | None = "stripe_subscription"
    raven_type: str | None = None
    plan_display_name: str | None = None
    plan_display_label: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return its entry in the list: the service's has some forty keys."""
        return {
            "id": 7,
            **asdict(self),
            "capabilities": list(self.capabilities),
            **_NULL_KEYS,
            "visibility_status": "visible",
        }


_NULL_KEYS = dict.fromkeys(
    (
        "parent_organization_uuid",
        "access_block",
        "billing_issue",
        "subscription_pause",
        "billable_usage_paused_until",
    )
)


@dataclass(frozen=True)
class SimAccount:
    """An account: its session key, its organizations in the listed order, and its usage.

    `refused` are the uuids of organizations that are listed, but whose usage is refused;
    `saved_resets_refusal` is what is answered to a request for saved resets, in place of the usage.
    """

    key: str
    organizations: tuple[SimOrganization, ...]
    usage: Mapping[str, object] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    saved_resets_refusal: Answer | None = None


class FakeClaude(SimServer):
    """The simulated claude.ai; faults strike the routes `organizations` and `usage`.

    `jitter` is by how many seconds at most each answer shifts its `resets_at`, as the real
    service does; `delay` is the time in seconds that each answer takes, `tls` what to speak TLS
    with.
    """

    def __init__(
        self, *, delay: float = 0.0, jitter: float = 0.0, tls: SSLContext | None = None
    ) -> None:
        self._accounts: dict[str, SimAccount] = {}
        self._lock = threading.Lock()
        self._visitor: str | None = None
        self._challenges: dict[str, Challenge] = {}
        self._shifts = _shifts(jitter)
        super().__init__(
            (
                Route("", f"{SCRIPTS}(?P<value>.+)/(?P<kind>.+).js", challenge_script),
                Route("organizations", "/api/organizations", self._organizations),
                Route("usage", "/api/organizations/(?P<uuid>[^/]+)/usage", self._usage),
                Route("", "/login", self._login),
                Route("", "/", lambda _request: html_answer(HOME_PAGE)),
                Route("", "/api/.*", lambda _request: NOT_FOUND),
                Route("", ".*", lambda _request: Answer(404)),
            ),
            delay=delay,
            tls=tls,
        )

    def add(self, account: SimAccount) -> None:
        """Let an account exist, in place of one with the same key."""
        with self._lock:
            self._accounts[account.key] = account

    def remove(self, key: str) -> None:
        """Revoke a session key."""
        with self._lock:
            del self._accounts[key]

    def set_usage(self, key: str, usage: Mapping[str, object]) -> None:
        """Change what the account's next usage answers say."""
        with self._lock:
            self._accounts[key] = replace(self._accounts[key], usage=usage)

    def fail(self, key: str, fault: Fault, times: int | None = None) -> None:
        """Strike the account's next `times` requests, or all until `heal`; in order of planning."""
        self._faults.add(key, fault, times)

    def heal(self, key: str) -> None:
        """End all faults of the account."""
        self._faults.forget(key)

    def challenge(self, key: str, kind: Challenge | None) -> None:
        """Answer every request of the account with a challenge until it has a clearance."""
        if kind:
            self._challenges[key] = kind
        else:
            self._challenges.pop(key, None)

    def sign_in(self, key: str) -> None:
        """Let the simulated person sign in: the login page, open or opened later, sets the key.

        Where the account is challenged, the person passes that as well.
        """
        self._visitor = key

    def _work(self, request: Request) -> Reply:
        kind = self._challenges.get(request.key or "")
        if kind and request.path.startswith("/api/") and not is_cleared(request):
            return challenge_page(request.key or "", kind)
        return super()._work(request)

    def _organizations(self, request: Request) -> Reply:
        account = self._accounts.get(request.key or "")
        if account is None:
            return _refusal(request)
        return json_answer([each.as_json() for each in account.organizations])

    def _usage(self, request: Request, uuid: str) -> Reply:
        account = self._accounts.get(request.key or "")
        if account is None:
            return _refusal(request)
        if uuid not in {each.uuid for each in account.organizations} - account.refused:
            return WRONG_ORGANIZATION
        if account.saved_resets_refusal and "cedar_ember" in request.query:
            return account.saved_resets_refusal
        with self._lock:
            return json_answer(
                _shifted(_select_parts(account.usage, request.query), next(self._shifts))
            )

    def _login(self, _request: Request) -> Reply:
        if self._visitor is None:
            return html_answer(LOGIN_PAGE)
        cookies = [session_cookie(self._visitor)]
        if self._challenges.get(self._visitor) in (Challenge.SCRIPT, Challenge.PERSON):
            cookies.append(clearance_cookie(self._visitor))
        return redirect_answer("/", *(("Set-Cookie", cookie) for cookie in cookies))


def session_cookie(key: str) -> str:
    """Return the Set-Cookie value that hands out a session key, as after a login."""
    seconds = int(timedelta(days=KEY_DAYS).total_seconds())
    return f"sessionKey={key}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax"


def cleared_session_cookie() -> str:
    """Return the Set-Cookie value that takes the session key away."""
    return f'sessionKey=""; Expires={NEVER}; Max-Age=0; Path=/; HttpOnly; SameSite=Lax'


def permission_error(message: str, status: int = 403, **details: str) -> Answer:
    """Return the service's JSON for something that the key may not do."""
    error = {"type": "permission_error", "message": message, "details": details or None}
    return json_answer({"type": "error", "error": error, "request_id": "req_simulated"}, status)


def _invalid_session(status: int) -> Answer:
    return permission_error(
        "Account session invalid",
        status,
        error_visibility="user_facing",
        error_code="account_session_invalid",
    )


def _refusal(request: Request) -> Answer:
    return _invalid_session(403 if request.key else 401)


WRONG_ORGANIZATION = permission_error("Invalid authorization for organization")
NOT_FOUND = json_answer(
    {"type": "error", "error": {"type": "not_found_error", "message": "Not found"}}, 404
)


def expired(status: int = 401) -> Fault:
    """The session key is expired or revoked (401 or 403)."""
    return instead(_invalid_session(status), "expired")


def wrong_organization() -> Fault:
    """403 that blames the organization, without an error code."""
    return instead(WRONG_ORGANIZATION, "wrong organization")


def challenge(status: int = 403, *, header: bool = True) -> Fault:
    """Cloudflare's challenge page (403 or 503), with or without its `cf-mitigated` header."""
    page = html_answer(CHALLENGE_PAGE, status)
    return instead(marked(page) if header else page, "challenge")


def login_redirect() -> Fault:
    """302 to the login page: the key is expired."""
    return instead(redirect_answer("/login"), "to login")


def _select_parts(usage: Mapping[str, object], query: str) -> dict[str, object]:
    """Return what a request asks for: saved resets only on demand, money unless it declines it."""
    parameters = dict(parse_qsl(query))
    left_out = ["cedar_ember"] if parameters.get("cedar_ember") != "1" else []
    if parameters.get("skip_spend") == "1":
        left_out += ["extra_usage", "spend"]
    return {key: None if key in left_out else value for key, value in usage.items()}


def _shifts(jitter: float) -> Iterator[timedelta]:
    """Yield shifts within `jitter` seconds to either side, well spread and always the same."""
    return (timedelta(seconds=jitter * (2 * (n * GOLDEN % 1) - 1)) for n in count(1))


def _shifted(value: object, shift: timedelta) -> object:
    """Return a copy in which every `resets_at` is moved."""
    if isinstance(value, list):
        return [_shifted(each, shift) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {name: _moved(name, each, shift) for name, each in value.items()}


def _moved(name: str, value: object, shift: timedelta) -> object:
    if name == "resets_at" and isinstance(value, str):
        return instant(datetime.fromisoformat(value) + shift)
    return _shifted(value, shift)
