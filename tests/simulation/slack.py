"""The simulated Slack with faults, and a workspace that is hard on its readers.

It checks tokens, scopes and messages, and gives lists in pages, as Slack does.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cldmon.demo.server import json_response
from cldmon.demo.slack import TOKEN, SimSlack, SimUser, refusal
from tests.simulation.faults import Fault, instead
from tests.simulation.faults import rate_limited as http_rate_limited
from tests.simulation.server import FaultyServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cldmon.demo.server import Request
    from cldmon.demo.slack import Body, Method, Params

PEOPLE = (
    SimUser("U01ALICE", "alice", "Alice Example", "alice"),
    SimUser("U02BOB", "bob", "Bob <b>Builder</b> & Sons", 'Bob "the builder"'),
    SimUser("U03CHLOE", "chloe", "Chloé Nuñez 🦊", "🦊 chloé"),
    SimUser("U04DAN", "dan", "Dan O'Neil", ""),
    SimUser("U05GUEST", "gus", "Gus Guest", "gus", guest=True),
    SimUser("U06GONE", "gone", "Gone Person", "gone", deleted=True),
    SimUser("U07BOT", "deploybot", "Deploy Bot", "deploybot", bot=True),
    SimUser("USLACKBOT", "slackbot", "Slackbot", "Slackbot"),
)
"""Names with markup, quotes and emoji; a guest, a deleted user, a bot, and Slack's own bot."""

CHANNELS: Mapping[str, tuple[str, ...]] = {"C01TEAM": ("U01ALICE", "U02BOB", "U06GONE", "U07BOT")}

MAX_TEXT = 40_000
MAX_BLOCKS = 50
PAGE = 100
_READS_CHANNELS = ("channels:read", "groups:read")
_NEEDED = {
    "chat.postMessage": ("chat:write",),
    "conversations.info": _READS_CHANNELS,
    "conversations.members": _READS_CHANNELS,
    "users.list": ("users:read",),
}
"""Any of these scopes permits the method."""


class FakeSlack(FaultyServer, SimSlack):
    """The simulated workspace; faults strike by method name (`.on("chat.postMessage")`)."""

    def __init__(
        self, *, token: str = TOKEN, scopes: Sequence[str] = SimSlack.scopes, **options: Any
    ) -> None:
        self.token = token
        self.scopes = scopes
        usual = {"users": PEOPLE, "channels": CHANNELS, "clock": lambda: datetime.now(UTC)}
        super().__init__(**{**usual, **options})

    def get_methods(self) -> dict[str, Method]:
        return {**super().get_methods(), "conversations.members": self._list_members}

    def call(self, name: str, request: Request) -> Body:
        authorization = request.headers.get("authorization", "")
        if not authorization:
            return refusal("not_authed")
        if authorization != f"Bearer {self.token}":
            return refusal("invalid_auth")
        needed = _NEEDED.get(name, ())
        if needed and not set(needed) & set(self.scopes):
            return refusal("missing_scope", needed=needed[0], provided=",".join(self.scopes))
        return super().call(name, request)

    def clear(self) -> None:
        """Forget the requests and messages so far."""
        super().clear()
        with self._changed:
            self._sent.clear()

    def list_items(self, name: str, items: Sequence[object], params: Params) -> Body:
        """Return one page and the cursor of the next, which is empty at the end."""
        start = _parse_cursor(str(params.get("cursor") or ""))
        if start is None:
            return refusal("invalid_cursor")
        end = start + (int(str(params.get("limit") or 0)) or PAGE)
        cursor = b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
        return {"ok": True, name: items[start:end], "response_metadata": {"next_cursor": cursor}}

    def _list_members(self, params: Params) -> Body:
        members = self.channels.get(str(params.get("channel", "")))
        if members is None:
            return refusal("channel_not_found")
        return self.list_items("members", members, params)

    def _post_message(self, params: Params) -> Body:
        text, user = str(params.get("text", "")), self.users.get(str(params.get("channel")))
        blocks = _parse_blocks(params.get("blocks"))
        if user and user.deleted:
            return refusal("channel_not_found")
        if user and user.bot:
            return refusal("cannot_dm_bot")
        if blocks is None:
            return refusal("invalid_blocks")
        if len(text) > MAX_TEXT:
            return refusal("msg_too_long")
        if not text and not blocks:
            return refusal("no_text")
        return super()._post_message({**params, "blocks": blocks})

    def fail(self, fault: Fault, times: int | None = None) -> None:
        """Strike the next `times` calls, or all until `heal`; in order of planning."""
        self.faults.add(None, fault, times)

    def heal(self) -> None:
        """End all faults."""
        self.faults.forget(None)


def _parse_blocks(value: object) -> list[object] | None:
    """Return the blocks of a message (JSON text in a form); None if Slack would refuse them."""
    try:
        found = json.loads(value) if isinstance(value, str) else value or []
    except ValueError:
        return None
    if not isinstance(found, list) or len(found) > MAX_BLOCKS:
        return None
    return found if all(isinstance(each, dict) and "type" in each for each in found) else None


def _parse_cursor(cursor: str) -> int | None:
    if not cursor:
        return 0
    try:
        return int(b64decode(cursor).decode().removeprefix("next:"))
    except ValueError:
        return None


def error(code: str, **more: object) -> Fault:
    """200 with `ok: false` and any error code; the call is not carried out."""
    return instead(json_response(refusal(code, **more)), code)


def rate_limited(retry_after: float | str | datetime | None = None) -> Fault:
    """429; `retry_after` in seconds, as an instant (sent as an HTTP date), raw, or absent."""
    return http_rate_limited(retry_after, refusal("ratelimited"))
