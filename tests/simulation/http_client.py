"""A plain HTTP client for the tests: follows no redirect, keeps every header line."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Got:
    """An answer as it came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    def all(self, name: str) -> list[str]:
        """Return the values of all header lines of this name."""
        return [value for each, value in self.headers if each.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """Return the value of the first header line of this name."""
        return next(iter(self.all(name)), None)


def connect(url: str) -> HTTPConnection:
    """Return a connection to the server of this URL."""
    return HTTPConnection(urlsplit(url).netloc, timeout=20)


def ask_over(connection: HTTPConnection, path: str, key: str | None = None) -> Got:
    """Ask over a connection that stays open."""
    connection.request("GET", path, headers={"Cookie": f"sessionKey={key}"} if key else {})
    response = connection.getresponse()
    return Got(response.status, tuple(response.getheaders()), response.read())


def ask(url: str, path: str, key: str | None = None) -> Got:
    """Ask once."""
    with closing(connect(url)) as connection:
        return ask_over(connection, path, key)
