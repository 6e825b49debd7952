"""What an answer of Slack means for the message that it answers. Pure.

LATER wherever Slack says that it did not take the message (a refusal, a rate limit, any 5xx: an
outage may last for many passes, and no message may be given up over it); UNSURE where its own words
or an answer that is not understood leave open whether it did.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from cldmon.domain import headers
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SECOND = timedelta(seconds=1)
DEFAULT_PAUSE = timedelta(minutes=1)
"""How long to leave Slack alone when it does not say: its limits are per minute."""

LONGEST_PAUSE = timedelta(hours=1)

_halt = partial(DeliveryResult, DeliveryStatus.LATER, halt=True)

_GONE = {
    "channel_not_found": "is not known in this Slack workspace",
    "user_not_found": "is not known in this Slack workspace",
    "users_not_found": "is not known in this Slack workspace",
    "user_not_visible": "is not visible to the Slack app",
    "user_disabled": "has been deactivated in Slack",
    "user_is_deactivated": "has been deactivated in Slack",
    "is_archived": "has an archived conversation with the Slack app",
    "is_inactive": "has been deactivated in Slack",
    "cannot_dm_bot": "is a bot",
    "cannot_message_bot": "is a bot",
}

_CHANNEL_PROBLEMS = {
    "channel_not_found": "is not known to the Slack app: "
    "check its id, and invite the app if it is private",
    "is_archived": "is archived: restore it, or name another in the config",
}
"""The same codes where a call names a channel instead of a person."""

TOKEN_PLACE = "where [notifications.slack] in the config says"  # noqa: S105 - a place, no token
_REINSTALL = f"reinstall the app and put the new token {TOKEN_PLACE}"

_REFUSED = {
    "not_authed": f"Slack got no token: put one {TOKEN_PLACE}",
    "invalid_auth": f"Slack does not accept the token: copy it again from the app's page "
    f"(it begins with xoxb-) or {_REINSTALL}",
    "token_revoked": f"the Slack token was revoked: {_REINSTALL}",
    "token_expired": f"the Slack token has expired: {_REINSTALL} "
    "(with token rotation switched off)",
    "account_inactive": f"the Slack app was removed from the workspace: {_REINSTALL}",
    "not_allowed_token_type": "this kind of Slack token can't be used: "
    f"put the bot token (xoxb-) {TOKEN_PLACE}",
    "no_permission": "the Slack app lacks a permission: "
    "add the scope chat:write under OAuth & Permissions and reinstall the app",
    "access_denied": "Slack denies the app access: ask an administrator of the workspace",
    "accesslimited": "Slack does not accept requests from this network: "
    "ask an administrator of the workspace",
    "team_access_not_granted": "the Slack app is not approved for this workspace: "
    "ask an administrator of the workspace",
    "missing_argument": "Slack must be told the workspace, for the app belongs to an organization: "
    "set team_id below [notifications.slack]",
    "ekm_access_denied": "the workspace's administrators have suspended posting to Slack",
    "org_login_required": "the Slack workspace is being migrated: wait until that is done",
    "team_added_to_org": "the Slack workspace is being migrated: wait until that is done",
    "messages_tab_disabled": "the Slack app takes no direct messages: "
    "switch on the Messages tab under App Home",
    "not_in_channel": "the Slack app is not in the channel: invite it",
    "restricted_action": "the workspace does not let the Slack app post: "
    "ask an administrator of the workspace",
}

_IN_TROUBLE = frozenset({"internal_error", "fatal_error"})
"""Slack's own words for these: some of the work may have been done."""

_RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_UNAVAILABLE = "service_unavailable"


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """One answer of Slack's: HTTP status, headers (names in lower case), and the JSON object.

    `data` is empty where the body was no JSON object.
    """

    status: int
    headers: Mapping[str, str]
    data: Mapping[str, Any]

    @property
    def code(self) -> str | None:
        """Slack's error code, e.g. `invalid_auth`; None where there is none to be read."""
        code = self.data.get("error")
        return code if isinstance(code, str) and re.fullmatch(r"[a-z0-9_]{1,80}", code) else None


def interpret_response(answer: ApiResponse, now: datetime) -> DeliveryResult:
    """Return what became of the message that `answer` answers; `now` is a UTC instant."""
    code = answer.code
    if answer.status == 429 or code in _RATE_LIMITED:
        pause = parse_pause(answer.headers.get("retry-after"), now)
        return _halt("Slack is rate limiting the app", retry_after=pause)
    if answer.status >= 500 or code == _UNAVAILABLE:
        return _halt(f"Slack is down (HTTP {answer.status})")
    if code in _GONE:
        return DeliveryResult(DeliveryStatus.GONE, f"{_GONE[code]} ({code})")
    if code in _REFUSED:
        return _halt(f"{_REFUSED[code]} ({code})")
    if code == "missing_scope":
        return _halt(_describe_missing_scope(answer.data.get("needed")))
    if code in _IN_TROUBLE:
        return DeliveryResult(DeliveryStatus.UNSURE, f"Slack is in trouble ({code})", halt=True)
    if code:
        return DeliveryResult(DeliveryStatus.LATER, f"Slack refused the request ({code})")
    if answer.status >= 300:
        return _halt(_describe_foreign_answer(f"HTTP {answer.status}"))
    if answer.data.get("ok") is True:
        return DeliveryResult(DeliveryStatus.DELIVERED)
    reason = _describe_foreign_answer("an answer that is not understood")
    return DeliveryResult(DeliveryStatus.UNSURE, reason, halt=True)


def find_channel_problem(answer: ApiResponse) -> str | None:
    """Return what is wrong with the channel that a call named, and what to do, or None."""
    if answer.status >= 500 or answer.code not in _CHANNEL_PROBLEMS:
        return None
    return f"{_CHANNEL_PROBLEMS[answer.code]} ({answer.code})"


def parse_pause(text: str | None, now: datetime) -> timedelta:
    """Return how long a Retry-After header asks to wait: a second at least, an hour at most.

    It may be in seconds or an HTTP date; what is missing or not understood counts as a minute.
    """
    return headers.parse_retry_after(text, now, least=SECOND, most=LONGEST_PAUSE) or DEFAULT_PAUSE


def _describe_missing_scope(needed: object) -> str:
    known = isinstance(needed, str) and re.fullmatch(r"[a-z:._, ]{1,100}", needed)
    scope = needed if known else "that is missing"
    return (
        f"the Slack app lacks the scope {scope}: "
        "add it under OAuth & Permissions and reinstall the app (missing_scope)"
    )


def _describe_foreign_answer(what: str) -> str:
    return f"something answered that does not look like Slack ({what}): check slack_url and proxies"
