"""HTTP requests with urllib: every status is an answer, no redirect is followed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.request import HTTPErrorProcessor, build_opener

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.request import BaseHandler, OpenerDirector, Request


def opener(*handlers: BaseHandler) -> OpenerDirector:
    """Return what opens URLs, by way of the environment's proxies where `handlers` have none."""
    return build_opener(_AnyStatus(), *handlers)


class _AnyStatus(HTTPErrorProcessor):
    """Takes every status as an answer: neither redirects nor raises."""

    def http_response(self, request: Request, response: HTTPResponse) -> HTTPResponse:
        """Return the answer as it is."""
        return response

    https_response = http_response
