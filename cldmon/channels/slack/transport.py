"""slack_sdk's client, with a narrower door to the network. Import it only to talk to Slack."""

from __future__ import annotations

import logging
import time
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from cldmon.channels.slack.verdicts import Answer
from cldmon.errors import SlackError
from cldmon.threads import start_thread
from cldmon.urls import opener

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.request import OpenerDirector, Request

MAX_BYTES = 16 * 1024 * 1024
"""The largest answer that is read; a page of 200 users has about half a megabyte."""

PATIENCE = 4
"""How many time-outs a call may take in all."""

_CHUNK = 64 * 1024
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_UNREADABLE = (OSError, HTTPException, ValueError, LookupError, AttributeError, RecursionError)
"""What comes out of slack_sdk when an answer breaks off, hangs, or is no JSON object."""


class UnsentError(SlackError):
    """The request did not leave whole: Slack can't have acted on it."""


class LostError(SlackError):
    """The request left and no answer that can be read came: Slack may have acted on it."""


class Transport(WebClient):
    """A `WebClient` that asks once, says nothing, and gives the token to Slack alone.

    It follows no redirect. Proxies are taken from the environment with NO_PROXY respected, and
    never used for loopback. `timeout`, in seconds, bounds the wait for each part of an answer and
    the time that its body may take, and `PATIENCE` times that all of a call.
    """

    def __init__(self, token: str, url: str, timeout: int) -> None:
        super().__init__(
            token=token,
            base_url=url,
            timeout=timeout,
            logger=_mute(),
            retry_handlers=[],  # they post a second time when an answer gets lost
        )

    def ask(self, method: str, request: dict[str, Any]) -> Answer:
        """Call a method of the Web API and return what came back, errors of Slack's included.

        `request` holds the arguments as `json` or `params`. Raises UnsentError or LostError.
        """
        try:
            call = start_thread(partial(self.api_call, method, **request))
        except RuntimeError as error:
            raise UnsentError("Slack can't be asked: no thread can be started") from error
        try:
            response = call.result(PATIENCE * self.timeout)
        except SlackApiError as error:
            response = error.response
        except URLError as error:  # urllib wraps what happens until a request is sent, no more
            raise UnsentError(f"Slack can't be reached: {_cause(error)}") from error
        except _UNREADABLE as error:
            raise LostError(_lost(error)) from error
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            data=response.data if isinstance(response.data, dict) else {},
        )

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        with _opener(url).open(req, timeout=self.timeout) as response:
            body = _body(response, time.monotonic() + self.timeout)
        charset = response.headers.get_content_charset() or "utf-8"
        return {
            "status": response.status,
            "headers": response.headers,
            "body": body.decode(charset),
        }


def _opener(url: str) -> OpenerDirector:
    return opener(ProxyHandler({})) if urlsplit(url).hostname in _LOOPBACK else opener()


def _body(response: HTTPResponse, deadline: float) -> bytes:
    body = bytearray()
    while chunk := response.read1(_CHUNK):
        body += chunk
        if len(body) > MAX_BYTES:
            raise ValueError("the answer is too long")
        if time.monotonic() > deadline:
            raise TimeoutError("the answer comes too slowly")
    return bytes(body)


def _mute() -> logging.Logger:
    """Return a logger without a parent or handlers, too high for any record of slack_sdk's."""
    return logging.Logger("slack_sdk", level=logging.CRITICAL + 1)


def _cause(error: URLError) -> str:
    cause = error.reason
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


def _lost(error: Exception) -> str:
    """Say how an answer got lost; the error's own text may quote the request."""
    if isinstance(error, TimeoutError):
        return "Slack did not answer in time"
    if isinstance(error, ConnectionError):
        return "Slack hung up without an answer"
    return f"Slack's answer could not be read ({type(error).__name__})"
