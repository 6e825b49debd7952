"""HTTP requests with urllib: every status is an answer, no redirect is followed."""

from __future__ import annotations

from ssl import SSLCertVerificationError
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPErrorProcessor, ProxyHandler, build_opener

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.request import OpenerDirector, Request


def opener(*, is_direct: bool = False) -> OpenerDirector:
    """Return what opens URLs, by way of the environment's proxies unless `is_direct`.

    A proxy could read plain http, which only this machine is sent.
    """
    return build_opener(_AnyStatus(), *([ProxyHandler({})] if is_direct else []))


def read_location(response: HTTPResponse) -> str:
    """Return where a redirect leads, without query and fragment, which may be secrets."""
    place = urlsplit(response.headers.get("Location", ""))
    return place._replace(query="", fragment="").geturl()


def describe_failure(error: Exception, seconds: float) -> str:
    """Return why a request failed that may take `seconds`.

    The address is not quoted: it may be a secret.
    """
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer within {seconds:g} s"
    if isinstance(cause, SSLCertVerificationError):
        return f"its certificate is not accepted: {cause.verify_message}"
    return getattr(cause, "strerror", None) or type(cause).__name__


class _AnyStatus(HTTPErrorProcessor):
    """Takes every status as an answer: neither redirects nor raises."""

    def http_response(self, request: Request, response: HTTPResponse) -> HTTPResponse:
        """Return the answer as it is."""
        return response

    https_response = http_response
