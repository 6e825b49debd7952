"""Talks to people on Slack, and says what became of each message.

slack_sdk lives in `cldmon.channels.slack.transport`, imported when there is something to send.
"""

from __future__ import annotations

import re
import time
from dataclasses import KW_ONLY, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cldmon.channels.slack import messages
from cldmon.channels.slack.verdicts import (
    TOKEN_PLACE,
    find_channel_problem,
    interpret_response,
)
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.text import replace_unprintable
from cldmon.errors import SlackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cldmon.channels.slack.messages import Message
    from cldmon.channels.slack.transport import Transport
    from cldmon.channels.slack.verdicts import ApiResponse
    from cldmon.domain.secret import Secret
    from cldmon.notifications.wording import Text

TIMEOUT_SECONDS = 10
PATIENCE = timedelta(seconds=5)
"""A rate limit up to this long is waited out, once."""

LISTING_PATIENCE = timedelta(seconds=30)
"""The same for each page of a listing: Slack allows twenty pages a minute."""

PAGE_SIZE = 200
"""As many as Slack recommends."""

MAX_PAGES = 500
"""Ends a listing whose cursors go round in circles."""

_SETTINGS = {"conversations.members": "notifications.slack.member_channel_id: "}
"""The setting that names the channel of a call, where it is always the same."""

_MALFORMED_TOKEN = (
    f"the Slack token is empty or holds blanks or foreign characters: copy it again {TOKEN_PLACE}"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the token stands for, and what it may do: names of OAuth scopes."""

    team: str
    bot_user: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class SlackChannel:
    """A channel as the app sees it: `is_member` says that the app has joined it."""

    name: str
    is_member: bool
    is_archived: bool


@dataclass(eq=False, repr=False)
class SlackMessenger:
    """Sends direct messages as the app that the token belongs to, and reads who is there.

    `url` ends in `/api/`; `team_id` is the workspace, needed for the token of an app that is
    installed for a whole organization; `timeout` is in seconds. No method writes to a log.
    """

    token: Secret
    url: str
    _: KW_ONLY
    team_id: str | None = None
    timeout: float = TIMEOUT_SECONDS
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def fingerprint(self) -> str:
        """What tells this app and workspace from others without giving the token away."""
        return " ".join((self.token.fingerprint(), *self._team.values()))

    @property
    def _team(self) -> dict[str, str]:
        return {"team_id": self.team_id} if self.team_id else {}

    def confirm(self, user: str, text: str | Text) -> DeliveryResult:
        """Confirm a change of their alert settings to a Slack user."""
        return self.send(user, messages.build_confirmation(text))

    def send(self, user: str, message: Message) -> DeliveryResult:
        """Send a direct message to the Slack user id `user`, at most once."""
        if not re.fullmatch(r"[UW]\w+", user, re.ASCII):
            return DeliveryResult(DeliveryStatus.GONE, f"{user!r} is not the id of a Slack user")
        result, _ = self._ask("chat.postMessage", PATIENCE, json=_build_payload(user, message))
        is_gone = result.status is DeliveryStatus.GONE
        return replace(result, reason=f"{user} {result.reason}") if is_gone else result

    def post_message(self, channel: str, message: Message) -> DeliveryResult:
        """Post a message to a channel id, at most once.

        A channel that cannot be posted to is never GONE: messages wait until that is fixed.
        """
        payload = _build_payload(channel, message)
        result, answer = self._ask("chat.postMessage", PATIENCE, json=payload)
        if answer and (problem := find_channel_problem(answer)):
            reason = f"the Slack channel {channel} {problem}"
            return DeliveryResult(DeliveryStatus.LATER, reason, halt=True)
        if result.status is DeliveryStatus.GONE:
            return replace(result, status=DeliveryStatus.LATER, halt=True)
        return result

    def auth_test(self) -> Identity:
        """Ask Slack whom the token stands for.

        Raises SlackError, which says what is wrong with the token or the connection.
        """
        answer = self._read("auth.test")
        granted = answer.headers.get("x-oauth-scopes", "")
        return Identity(
            team=str(answer.data.get("team", "")),
            bot_user=str(answer.data.get("user", "")),
            scopes=frozenset(scope.strip() for scope in granted.split(",") if scope.strip()),
        )

    def users(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the workspace's users, page by page, as Slack describes them.

        Raises SlackError.
        """
        for page in self._iter_pages("users.list", self._team):
            yield [user for user in page if isinstance(user, dict)]

    def members(self, channel: str) -> Iterator[list[str]]:
        """Yield the user ids of a channel's members, page by page.

        Raises SlackError.
        """
        for page in self._iter_pages("conversations.members", {"channel": channel, **self._team}):
            yield [user for user in page if isinstance(user, str)]

    def channel(self, channel: str) -> SlackChannel:
        """Return a channel by its id; the app needs channels:read or groups:read.

        Raises SlackError.
        """
        found = self._read("conversations.info", {"channel": channel}).data.get("channel")
        found = found if isinstance(found, dict) else {}
        return SlackChannel(
            name=replace_unprintable(str(found.get("name", "")), ""),
            is_member=found.get("is_member") is True,
            is_archived=found.get("is_archived") is True,
        )

    def _iter_pages(self, method: str, params: dict[str, Any]) -> Iterator[list[object]]:
        cursor = None
        for _ in range(MAX_PAGES):
            page = {**params, "limit": PAGE_SIZE, "cursor": cursor}
            answer = self._read(method, page, patience=LISTING_PATIENCE).data
            members, metadata = answer.get("members"), answer.get("response_metadata")
            if not isinstance(members, list):
                raise SlackError("Slack's list of people is not understood: try again later")
            yield members
            cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
            if not (cursor and isinstance(cursor, str)):
                return
        raise SlackError(f"Slack's answer to {method} does not end: try again later")

    def _read(
        self, method: str, params: dict[str, Any] | None = None, patience: timedelta = PATIENCE
    ) -> ApiResponse:
        result, answer = self._ask(method, patience, params=params or {})
        channel = (params or {}).get("channel")
        if channel and answer and (problem := find_channel_problem(answer)):
            raise SlackError(f"{_SETTINGS.get(method, '')}the Slack channel {channel} {problem}")
        if result.status is not DeliveryStatus.DELIVERED or answer is None:
            pause = result.retry_after
            when = f": try again in {pause.total_seconds():.0f} s" if pause else ""
            raise SlackError(result.reason + when)
        return answer

    def _ask(
        self, method: str, patience: timedelta, **request: Any
    ) -> tuple[DeliveryResult, ApiResponse | None]:
        """Ask once, and once more if Slack wants only a short pause first."""
        result, answer = self._ask_once(method, request)
        if result.retry_after is None or result.retry_after > patience:
            return result, answer
        self.sleep(result.retry_after.total_seconds())
        return self._ask_once(method, request)

    def _ask_once(
        self, method: str, request: dict[str, Any]
    ) -> tuple[DeliveryResult, ApiResponse | None]:
        from cldmon.channels.slack.transport import LostError, UnsentError

        if not re.fullmatch(r"[!-~]+", self.token.reveal()):
            return DeliveryResult(DeliveryStatus.LATER, _MALFORMED_TOKEN, halt=True), None
        try:
            answer = self._transport.ask(method, request)
        except UnsentError as error:
            return DeliveryResult(DeliveryStatus.LATER, str(error), halt=True), None
        except LostError as error:
            return DeliveryResult(DeliveryStatus.UNSURE, str(error), halt=True), None
        return interpret_response(answer, self.clock()), answer

    @cached_property
    def _transport(self) -> Transport:
        from cldmon.channels.slack.transport import Transport

        return Transport(self.token.reveal(), self.url, self.timeout)


def _build_payload(user: str, message: Message) -> dict[str, Any]:
    return {
        "channel": user,
        "text": message.text,
        "blocks": list(message.blocks),
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }
