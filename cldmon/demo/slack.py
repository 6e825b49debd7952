"""A simulated Slack Web API: the methods that cldmon calls, and their errors.

It checks scopes as Slack does, so calls that the documented scopes do not cover fail.
"""

from __future__ import annotations

import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from cldmon.demo.server import Request, Response, Route, SimServer, json_response

if TYPE_CHECKING:
    from collections.abc import Iterable

TOKEN = "xoxb-simulated-0000"  # noqa: S105 - opens nothing but the simulation
SCOPES = ("chat:write", "users:read", "channels:read", "groups:read")
MAX_TEXT = 40_000
MAX_BLOCKS = 50
PAGE = 100
TEAM = "T0SIM"

Params = Mapping[str, object]
Body = dict[str, object]
Method = Callable[[Params], Body]


@dataclass(frozen=True)
class SimUser:
    """A member of the simulated workspace."""

    id: str
    name: str
    real_name: str = ""
    display_name: str = ""
    deleted: bool = False
    bot: bool = False
    guest: bool = False
    timezone: str = "Europe/Berlin"

    def as_json(self) -> Body:
        """Return the user as in `users.list` and `users.info`."""
        profile = {
            "real_name": self.real_name,
            "display_name": self.display_name,
            "real_name_normalized": self.real_name,
            "display_name_normalized": self.display_name,
            "image_48": "https://example.com/48.png",
        }
        return {
            "id": self.id,
            "team_id": TEAM,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.deleted,
            "is_bot": self.bot,
            "is_restricted": self.guest,
            "is_ultra_restricted": False,
            "is_app_user": False,
            "tz": self.timezone,
            "profile": profile,
        }


@dataclass(frozen=True)
class SentMessage:
    """A message that Slack accepted.

    `channel` is as the caller gave it; `user` is the recipient of a direct message.
    """

    channel: str
    text: str
    blocks: tuple[Mapping[str, object], ...]
    at: datetime
    user: str | None = None


class SimSlack(SimServer):
    """The simulated workspace."""

    def __init__(
        self,
        *,
        token: str = TOKEN,
        users: Iterable[SimUser],
        channels: Mapping[str, Sequence[str]] | None = None,
        scopes: Sequence[str] = SCOPES,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.token = token
        self.users = {user.id: user for user in users}
        self.channels = dict(channels or {})
        self.scopes = tuple(scopes)
        self._clock = clock
        self._sent: list[SentMessage] = []
        self._changed = threading.Condition()
        reads_channels = ("channels:read", "groups:read")
        super().__init__(
            (
                self._route("auth.test", (), self._answer_auth_test),
                self._route("chat.postMessage", ("chat:write",), self._post_message),
                self._route("conversations.info", reads_channels, self._show_channel),
                self._route("conversations.members", reads_channels, self._list_members),
                self._route("users.list", ("users:read",), self._list_users),
                self._route("users.info", ("users:read",), self._show_user),
                Route("", ".*", lambda _request: json_response(refusal("unknown_method"))),
            )
        )

    def _route(self, name: str, any_of: tuple[str, ...], method: Method) -> Route:
        """Return the route to a method, which needs any of these scopes."""
        lines = (
            ("X-OAuth-Scopes", ",".join(self.scopes)),
            ("X-Accepted-OAuth-Scopes", ",".join(any_of)),
        )

        def call(request: Request) -> Response:
            authorization = request.headers.get("authorization", "")
            if not authorization:
                body = refusal("not_authed")
            elif authorization != f"Bearer {self.token}":
                body = refusal("invalid_auth")
            elif any_of and not set(any_of) & set(self.scopes):
                body = refusal("missing_scope", needed=any_of[0], provided=",".join(self.scopes))
            else:
                body = method(_parse_params(request))
            return json_response(body).with_headers(*lines)

        return Route(name, f"/api/{name}", call)

    @property
    def url(self) -> str:
        """The base URL of its methods: `http://127.0.0.1:PORT/api/`."""
        return f"{super().url}/api/"

    @property
    def sent(self) -> list[SentMessage]:
        """The messages accepted so far, oldest first."""
        with self._changed:
            return list(self._sent)

    def wait_for(self, count: int, timeout: float = 5.0) -> list[SentMessage]:
        """Return the messages once there are `count`, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._sent) >= count, timeout)
            return list(self._sent)

    def clear(self) -> None:
        """Forget the messages so far."""
        with self._changed:
            self._sent.clear()

    def _answer_auth_test(self, _parse_params: Params) -> Body:
        return {
            "ok": True,
            "url": "https://simulated.slack.com/",
            "team": "Simulated",
            "user": "cldmon",
            "team_id": TEAM,
            "user_id": "U00CLDMON",
            "bot_id": "B00CLDMON",
        }

    def _post_message(self, params: Params) -> Body:
        channel, text = str(params.get("channel", "")), str(params.get("text", ""))
        # A direct message goes to a user id.
        user = self.users.get(channel)
        user = None if user and user.deleted else user
        blocks = _parse_blocks(params.get("blocks"))
        if user is None and channel not in self.channels:
            return refusal("channel_not_found")
        if user is not None and user.bot:
            return refusal("cannot_dm_bot")
        if blocks is None:
            return refusal("invalid_blocks")
        if not text and not blocks:
            return refusal("no_text")
        if len(text) > MAX_TEXT:
            return refusal("msg_too_long")
        at = self._clock()
        with self._changed:
            self._sent.append(SentMessage(channel, text, blocks, at, user.id if user else None))
            self._changed.notify_all()
            stamp = f"{int(at.timestamp())}.{len(self._sent):06d}"
        if user:
            channel = "D" + user.id.removeprefix("U")
        return {"ok": True, "channel": channel, "ts": stamp, "message": {"text": text}}

    def _list_users(self, params: Params) -> Body:
        users = [user.as_json() for user in self.users.values()]
        return _build_page("members", users, params)

    def _show_user(self, params: Params) -> Body:
        user = self.users.get(str(params.get("user", "")))
        return {"ok": True, "user": user.as_json()} if user else refusal("user_not_found")

    def _show_channel(self, params: Params) -> Body:
        channel = str(params.get("channel", ""))
        if channel not in self.channels:
            return refusal("channel_not_found")
        shown = {"id": channel, "name": "team", "is_member": True, "is_archived": False}
        return {"ok": True, "channel": shown}

    def _list_members(self, params: Params) -> Body:
        members = self.channels.get(str(params.get("channel", "")))
        if members is None:
            return refusal("channel_not_found")
        return _build_page("members", members, params)


def refusal(code: str, **more: object) -> Body:
    """Return the body of a refused call."""
    return {"ok": False, "error": code, **more}


def _parse_params(request: Request) -> Params:
    """Return the arguments of a call, from its query and its form or JSON body."""
    text = request.body.decode()
    is_json = "json" in request.headers.get("content-type", "")
    body = json.loads(text or "{}") if is_json else dict(parse_qsl(text, keep_blank_values=True))
    return {**dict(parse_qsl(request.query, keep_blank_values=True)), **body}


def _parse_blocks(value: object) -> tuple[Mapping[str, object], ...] | None:
    """Return the blocks of a message (JSON text in a form); None if Slack would refuse them."""
    try:
        found = json.loads(value) if isinstance(value, str) else value or []
    except ValueError:
        return None
    if not isinstance(found, list) or len(found) > MAX_BLOCKS:
        return None
    return tuple(found) if all(isinstance(b, dict) and "type" in b for b in found) else None


def _build_page(name: str, items: Sequence[object], params: Params) -> Body:
    """Return one page and the cursor of the next, which is empty at the end."""
    start = _parse_cursor(str(params.get("cursor") or ""))
    if start is None:
        return refusal("invalid_cursor")
    end = start + (int(str(params.get("limit") or 0)) or PAGE)
    cursor = b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return {"ok": True, name: items[start:end], "response_metadata": {"next_cursor": cursor}}


def _parse_cursor(cursor: str) -> int | None:
    if not cursor:
        return 0
    try:
        return int(b64decode(cursor).decode().removeprefix("next:"))
    except ValueError:
        return None
