"""Talks to Slack's Web API. Only home of slack_sdk, which is imported when it is first needed."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from cldmon.domain.delivery import Fate, Receipt
from cldmon.errors import SlackError
from cldmon.slack import messages
from cldmon.slack.verdicts import Answer, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from slack_sdk import WebClient

    from cldmon.domain.model import Subscription, Transition
    from cldmon.domain.secret import Secret
    from cldmon.slack.messages import Message

PUBLIC_URL = "https://slack.com/api/"
TIMEOUT_SECONDS = 10
PATIENCE = timedelta(seconds=5)
"""A rate limit up to this long is waited out, once."""

PAGE_SIZE = 200

_UNREADABLE = (OSError, HTTPException, ValueError, LookupError, AttributeError, RecursionError)
"""What slack_sdk lets out when an answer breaks off, hangs, or is no JSON object."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the token stands for, and what it may do: names of OAuth scopes."""

    team: str
    bot_user: str
    scopes: frozenset[str]


class SlackMessenger:
    """Sends direct messages as the app that the token belongs to, and reads who is there.

    `url` ends in `/api/`; `timeout` is in seconds. No method writes to a log.
    """

    def __init__(
        self,
        token: Secret,
        url: str = PUBLIC_URL,
        *,
        timeout: int = TIMEOUT_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._token = token
        self._url = url
        self._timeout = timeout
        self._sleep = sleep
        self._clock = clock

    def tell(self, user: str, transition: Transition) -> Receipt:
        """Tell a Slack user of a limit that was hit or a window that is free again."""
        return self.send(user, messages.alert(transition))

    def confirm(self, user: str, label: str, subscription: Subscription) -> Receipt:
        """Confirm to a Slack user which alerts of account `label` they now get."""
        return self.send(user, messages.confirmation(label, subscription))

    def send(self, user: str, message: Message) -> Receipt:
        """Send a direct message to the Slack user id `user`, at most once."""
        if not re.fullmatch(r"[UW]\w+", user, re.ASCII):
            return Receipt(Fate.GONE, f"{user!r} is not the id of a Slack user")
        receipt, _ = self._ask("chat.postMessage", json=_payload(user, message))
        return replace(receipt, reason=f"{user} {receipt.reason}") if _is_gone(receipt) else receipt

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
        return self._pages("users.list", "members", {})

    def members(self, channel: str) -> Iterator[list[str]]:
        """Yield the user ids of a channel's members, page by page.

        Raises SlackError.
        """
        return self._pages("conversations.members", "members", {"channel": channel})

    def _pages(self, method: str, key: str, params: dict[str, Any]) -> Iterator[list[Any]]:
        cursor = ""
        while True:
            answer = self._read(method, {**params, "limit": PAGE_SIZE, "cursor": cursor or None})
            yield _listed(answer, key)
            following = _next_cursor(answer)
            if not following or following == cursor:
                return
            cursor = following

    def _read(self, method: str, params: dict[str, Any] | None = None) -> Answer:
        receipt, answer = self._ask(method, params=params or {})
        if receipt.fate is not Fate.DELIVERED or answer is None:
            raise SlackError(_complaint(method, receipt))
        return answer

    def _ask(self, method: str, **request: Any) -> tuple[Receipt, Answer | None]:
        """Ask once, and once more if Slack wants only a short pause first."""
        receipt, answer = self._ask_once(method, request)
        if receipt.retry_after is None or receipt.retry_after > PATIENCE:
            return receipt, answer
        self._sleep(receipt.retry_after.total_seconds())
        return self._ask_once(method, request)

    def _ask_once(self, method: str, request: dict[str, Any]) -> tuple[Receipt, Answer | None]:
        if not re.fullmatch(r"[!-~]+", self._token.reveal()):
            return Receipt(Fate.LATER, _MALFORMED_TOKEN, halt=True), None
        try:
            answer = self._answer(method, request)
        except URLError as error:
            return Receipt(Fate.LATER, f"Slack can't be reached: {_why(error)}", halt=True), None
        except _UNREADABLE as error:
            reason = f"Slack was asked and no whole answer came ({type(error).__name__})"
            return Receipt(Fate.UNSURE, reason, halt=True), None
        return verdict(answer, self._clock()), answer

    def _answer(self, method: str, request: dict[str, Any]) -> Answer:
        from slack_sdk.errors import SlackApiError

        try:
            response = self._client.api_call(method, **request)
        except SlackApiError as error:
            response = error.response
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            data=response.data if isinstance(response.data, dict) else {},
        )

    @cached_property
    def _client(self) -> WebClient:
        from slack_sdk import WebClient

        client = WebClient(
            token=self._token.reveal(),
            base_url=self._url,
            timeout=self._timeout,
            logger=_mute(),
            retry_handlers=[],  # they post a second time when an answer gets lost
        )
        client.proxy = None  # urllib reads the environment itself, and knows NO_PROXY
        return client


_MALFORMED_TOKEN = (
    "the Slack token is empty or holds blanks or foreign characters: "  # noqa: S105
    "copy it anew into notifications.slack.bot_token"
)


def _payload(user: str, message: Message) -> dict[str, Any]:
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


def _is_gone(receipt: Receipt) -> bool:
    return receipt.fate is Fate.GONE


def _complaint(method: str, receipt: Receipt) -> str:
    if _is_gone(receipt):
        return f"Slack refused {method}: what was asked for {receipt.reason}"
    if receipt.retry_after:
        return f"{receipt.reason}: try again in {receipt.retry_after.total_seconds():.0f} s"
    return receipt.reason


def _listed(answer: Answer, key: str) -> list[Any]:
    found = answer.data.get(key)
    return found if isinstance(found, list) else []


def _next_cursor(answer: Answer) -> str:
    metadata = answer.data.get("response_metadata")
    cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
    return cursor if isinstance(cursor, str) else ""


def _why(error: URLError) -> str:
    """Return the cause of a failed connection; urllib wraps only what happens until it is sent."""
    cause = error.reason
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


def _mute() -> logging.Logger:
    """Return a logger without a parent or handlers, too high for any record of slack_sdk's."""
    return logging.Logger("slack_sdk", level=logging.CRITICAL + 1)
