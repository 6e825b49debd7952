"""A simulated Slack Web API: the methods that the demo's cldmon calls, and their errors."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from cldmon.demo.server import Request, Response, Route, SimServer, json_response

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

TOKEN = "xoxb-simulated-0000"  # noqa: S105 - opens nothing but the simulation

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
        """Return the user as in `users.list`."""
        return {
            "id": self.id,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.deleted,
            "is_bot": self.bot,
            "is_restricted": self.guest,
            "tz": self.timezone,
            "profile": {"real_name": self.real_name, "display_name": self.display_name},
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

    scopes: Sequence[str] = ("chat:write", "users:read", "channels:read", "groups:read")

    def __init__(
        self,
        *,
        users: Iterable[SimUser],
        channels: Mapping[str, Sequence[str]],
        clock: Callable[[], datetime],
    ) -> None:
        self.users = {user.id: user for user in users}
        self.channels = dict(channels)
        self._clock = clock
        self._sent: list[SentMessage] = []
        self._changed = threading.Condition()
        calls = [
            Route(name, f"/api/{name}", partial(self._respond, name)) for name in self.get_methods()
        ]
        unknown = json_response(refusal("unknown_method"))
        super().__init__([*calls, Route("", ".*", lambda _request: unknown)])

    def get_methods(self) -> dict[str, Method]:
        """Return what carries out each method of the API, by name."""
        return {
            "auth.test": self._answer_auth_test,
            "chat.postMessage": self._post_message,
            "conversations.info": self._show_channel,
            "users.list": self._list_users,
        }

    def call(self, name: str, request: Request) -> Body:
        """Return the body of the answer to a call."""
        return self.get_methods()[name](_parse_params(request))

    def _respond(self, name: str, request: Request) -> Response:
        body = self.call(name, request)
        return json_response(body).with_headers(("X-OAuth-Scopes", ",".join(self.scopes)))

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

    def _answer_auth_test(self, _params: Params) -> Body:
        return {"ok": True, "team": "Simulated", "user": "cldmon"}

    def _post_message(self, params: Params) -> Body:
        channel, text = str(params.get("channel", "")), str(params.get("text", ""))
        user = self.users.get(channel)  # of a direct message
        if user is None and channel not in self.channels:
            return refusal("channel_not_found")
        blocks: Any = params.get("blocks") or ()
        at, to = self._clock(), user.id if user else None
        with self._changed:
            self._sent.append(SentMessage(channel, text, tuple(blocks), at, to))
            self._changed.notify_all()
            stamp = f"{int(at.timestamp())}.{len(self._sent):06d}"
        if user:
            channel = "D" + user.id.removeprefix("U")
        return {"ok": True, "channel": channel, "ts": stamp, "message": {"text": text}}

    def _list_users(self, params: Params) -> Body:
        return self.list_items("members", [user.as_json() for user in self.users.values()], params)

    def list_items(self, name: str, items: Sequence[object], _params: Params) -> Body:
        """Return the answer of a method that lists something: everything on one page."""
        return {"ok": True, name: items, "response_metadata": {"next_cursor": ""}}

    def _show_channel(self, params: Params) -> Body:
        channel = str(params.get("channel", ""))
        if channel not in self.channels:
            return refusal("channel_not_found")
        shown = {"id": channel, "name": "team", "is_member": True, "is_archived": False}
        return {"ok": True, "channel": shown}


def refusal(code: str, **more: object) -> Body:
    """Return the body of a refused call."""
    return {"ok": False, "error": code, **more}


def _parse_params(request: Request) -> Params:
    """Return the arguments of a call, from its query and its form or JSON body."""
    text = request.body.decode()
    is_json = "json" in request.headers.get("content-type", "")
    body = json.loads(text or "{}") if is_json else dict(parse_qsl(text, keep_blank_values=True))
    return {**dict(parse_qsl(request.query, keep_blank_values=True)), **body}
