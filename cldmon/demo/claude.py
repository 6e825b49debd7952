"""A simulated claude.ai: the two requests that cldmon makes, and a sign-in page.

Its JSON and errors are those of the real service up to November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import parse_qsl

from cldmon.demo.server import (
    Reply,
    Request,
    Response,
    Route,
    SimServer,
    html_response,
    json_response,
    redirect_response,
)

GOLDEN = 0.618033988749895
KEY_DAYS = 28

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
        """Return its entry in the list."""
        return {**asdict(self), "capabilities": list(self.capabilities)}


@dataclass(frozen=True)
class SimAccount:
    """An account: its session key, its organizations as listed, and its usage or a raw response."""

    key: str
    organizations: tuple[SimOrganization, ...]
    usage: Mapping[str, object] | Response = field(default_factory=dict)


def permission_error(message: str, status: int = 403, **details: str) -> Response:
    """Return the service's error for a request that the key does not permit."""
    error = {"type": "permission_error", "message": message, "details": details or None}
    return json_response({"type": "error", "error": error, "request_id": "req_simulated"}, status)


def invalid_session(status: int) -> Response:
    """Return the error for a missing, expired or revoked key."""
    return permission_error(
        "Account session invalid",
        status,
        error_visibility="user_facing",
        error_code="account_session_invalid",
    )


WRONG_ORGANIZATION = permission_error("Invalid authorization for organization")
NOT_FOUND = json_response(
    {"type": "error", "error": {"type": "not_found_error", "message": "Not found"}}, 404
)


class SimClaude(SimServer):
    """The simulated claude.ai.

    Like the real service, each answer shifts its `resets_at`, by at most `jitter` seconds.
    """

    def __init__(self, *, jitter: float = 0.0) -> None:
        self._accounts: dict[str, SimAccount] = {}
        self._visitor: str | None = None
        self._jitter = jitter
        self._answers = count(1)
        super().__init__(
            (
                Route("organizations", "/api/organizations", self._answer_organizations),
                Route("usage", "/api/organizations/(?P<uuid>[^/]+)/usage", self._answer_usage),
                Route("", "/login", self._answer_login),
                Route("", "/", lambda _request: html_response(HOME_PAGE)),
                Route("", "/api/.*", lambda _request: NOT_FOUND),
                Route("", ".*", lambda _request: Response(404)),
            )
        )

    def add(self, account: SimAccount) -> None:
        """Add an account, or replace the one with the same key."""
        self._accounts[account.key] = account

    def remove(self, key: str) -> None:
        """Revoke a session key."""
        self._accounts.pop(key, None)

    def sign_in(self, key: str) -> None:
        """Sign in as the simulated person: the login page, whenever it is open, sets the key."""
        self._visitor = key

    def _answer_organizations(self, request: Request) -> Reply:
        account = self._accounts.get(request.key or "")
        if account is None:
            return invalid_session(403 if request.key else 401)
        return json_response([each.as_json() for each in account.organizations])

    def _answer_usage(self, request: Request, uuid: str) -> Reply:
        account = self._accounts.get(request.key or "")
        if account is None:
            return invalid_session(403 if request.key else 401)
        if uuid not in {each.uuid for each in account.organizations}:
            return WRONG_ORGANIZATION
        if isinstance(account.usage, Response):
            return account.usage
        parameters = dict(parse_qsl(request.query))
        # Saved resets are sent only on request, money unless the request declines it.
        left_out = ["cedar_ember"] if parameters.get("cedar_ember") != "1" else []
        if parameters.get("skip_spend") == "1":
            left_out += ["extra_usage", "spend"]
        body = {key: None if key in left_out else value for key, value in account.usage.items()}
        # Evenly spread over the jitter to either side, and the same in every run.
        shift = self._jitter * (2 * (next(self._answers) * GOLDEN % 1) - 1)
        return json_response(_shift(body, timedelta(seconds=shift)))

    def _answer_login(self, _request: Request) -> Reply:
        if self._visitor is None:
            return html_response(LOGIN_PAGE)
        return redirect_response("/", ("Set-Cookie", session_cookie(self._visitor)))


def session_cookie(key: str) -> str:
    """Return the Set-Cookie value that sets a session key after a login."""
    seconds = int(timedelta(days=KEY_DAYS).total_seconds())
    return f"sessionKey={key}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax"


def format_instant(at: datetime) -> str:
    """Return an instant in the service's format."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _shift(value: object, by: timedelta, name: str = "") -> object:
    """Return a copy with every `resets_at` shifted."""
    if isinstance(value, list):
        return [_shift(each, by) for each in value]
    if isinstance(value, Mapping):
        return {key: _shift(each, by, key) for key, each in value.items()}
    if name == "resets_at" and isinstance(value, str):
        return format_instant(datetime.fromisoformat(value) + by)
    return value
