"""slack_sdk's client, with a narrower door to the network. Import it only to talk to Slack."""

from __future__ import annotations

import logging
import time
from functools import partial
from http.client import HTTPException
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPErrorProcessor, ProxyHandler, build_opener, install_opener
from urllib.response import addinfourl

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from cldmon.channels.slack.verdicts import ApiResponse
from cldmon.errors import SlackError
from cldmon.threads import start_thread

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.request import Request

MAX_BYTES = 16 * 1024 * 1024
"""The largest answer that is read; a page of 200 users has about half a megabyte."""

PATIENCE = 4
"""How many time-outs a call may take in all."""

_USER_AGENT = "cldmon"
"""Begins the User-Agent of requests to Slack: the opener of all of urllib knows them by it."""
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

    def __init__(self, token: str, url: str, timeout: float) -> None:
        super().__init__(
            token=token,
            base_url=url,
            timeout=timeout,  # type: ignore[arg-type] # is handed to urllib, which takes a float
            logger=logging.Logger("slack_sdk", level=logging.CRITICAL + 1),  # none of its records
            user_agent_prefix=_USER_AGENT,
            retry_handlers=[],  # they post a second time when an answer gets lost
        )
        # slack_sdk's own handling of proxies ignores NO_PROXY and follows redirects. Without it,
        # slack_sdk asks by way of the opener that is installed.
        self.proxy = None
        install_opener(build_opener(_SlackAnswers(), _Proxies()))

    def ask(self, method: str, request: dict[str, Any]) -> ApiResponse:
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
            raise UnsentError(f"Slack can't be reached: {_describe_cause(error)}") from error
        except _UNREADABLE as error:
            raise LostError(_describe_lost_answer(error)) from error
        return ApiResponse(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            data=response.data if isinstance(response.data, dict) else {},
        )


class _SlackAnswers(HTTPErrorProcessor):
    """Takes every status as Slack's answer: follows no redirect, which would take the token along.

    The answers to other requests stay urllib's business: the opener is the whole process's.
    """

    def http_response(self, request: Request, response: HTTPResponse) -> Any:
        """Return an answer of Slack's as it is, once it is read."""
        if not _is_slack(request):
            return super().http_response(request, response)
        body = _read_body(response, request.timeout or 0.0)
        return addinfourl(BytesIO(body), response.headers, request.full_url, response.status)

    https_response = http_response


def _read_body(response: HTTPResponse, timeout: float) -> bytes:
    """Return the whole body; raises TimeoutError or ValueError beyond the bounds."""
    deadline, body = time.monotonic() + timeout, bytearray()
    with response:
        while chunk := response.read1(_CHUNK):
            body += chunk
            if len(body) > MAX_BYTES:
                raise ValueError("the answer is too long")
            if time.monotonic() > deadline:
                raise TimeoutError("the answer comes too slowly")
    return bytes(body)


class _Proxies(ProxyHandler):
    """The environment's proxies, except for a Slack on loopback."""

    def proxy_open(self, req: Request, proxy: str, type: str) -> Any:  # noqa: A002 - urllib's name
        """Hand a request to a proxy; return None to ask the host itself."""
        if _is_slack(req) and urlsplit(req.full_url).hostname in _LOOPBACK:
            return None
        return super().proxy_open(req, proxy, type)


def _is_slack(request: Request) -> bool:
    return (request.get_header("User-agent") or "").startswith(f"{_USER_AGENT} ")


def _describe_cause(error: URLError) -> str:
    cause = error.reason
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


def _describe_lost_answer(error: Exception) -> str:
    """Say how an answer got lost; the error's own text may quote the request."""
    if isinstance(error, TimeoutError):
        return "Slack did not answer in time"
    if isinstance(error, ConnectionError):
        return "Slack hung up without an answer"
    return f"Slack's answer could not be read ({type(error).__name__})"
