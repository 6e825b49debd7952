"""A small threaded HTTP server on loopback for the simulated services.

It keeps connections alive, routes requests by path, and closes immediately. A reply is anything
that can `send` itself over a connection; subclasses may override `handle`.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Headers = tuple[tuple[str, str], ...]

_POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Request:
    """A request as received; header names are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def key(self) -> str | None:
        """The claude.ai session key in the cookies, if any."""
        return self.cookie("sessionKey")

    def cookie(self, name: str) -> str | None:
        """Return the value of a cookie, or None."""
        pairs = (pair.strip().partition("=") for pair in self.headers.get("cookie", "").split(";"))
        return next((value for found, sign, value in pairs if found == name and sign), None)


class Reply(Protocol):
    """The reply to a request."""

    def send(self, connection: Connection) -> None:
        """Write it to the connection."""


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int = 200
    headers: Headers = ()
    body: bytes = b""

    def send(self, connection: Connection) -> None:
        """Write it to the connection."""
        length = ("Content-Length", str(len(self.body)))
        connection.write_head(self.status, (*self.headers, length))
        connection.wfile.write(self.body)

    def with_headers(self, *lines: tuple[str, str]) -> Self:
        """Return a copy with more header lines."""
        return replace(self, headers=(*self.headers, *lines))


def make_response(body: bytes | str, content_type: str, status: int = 200) -> Response:
    """Return a response with this body and content type."""
    raw = body.encode() if isinstance(body, str) else body
    return Response(status, (("Content-Type", content_type),), raw)


def json_response(value: object, status: int = 200) -> Response:
    """Return a JSON response."""
    return make_response(json.dumps(value), "application/json", status)


def html_response(body: str, status: int = 200) -> Response:
    """Return an HTML page."""
    return make_response(body, "text/html; charset=utf-8", status)


def redirect_response(location: str, *lines: tuple[str, str]) -> Response:
    """Return a 302 to `location`, with more header lines."""
    return Response(302, (("Location", location), *lines))


@dataclass(frozen=True)
class Route:
    """Passes requests whose path matches `pattern` to `handler`, with its named groups."""

    name: str
    pattern: str
    handler: Callable[..., Reply]


class SimServer:
    """A simulated service, which runs from its creation until `close()` or the end of a `with`.

    The last route must match every path.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes
        self.listener = _Listener(self.handle)

    @property
    def url(self) -> str:
        """The address it listens on: `http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.listener.server_port}"

    def match(self, request: Request) -> tuple[str, Callable[[], Reply]]:
        """Return the name of the request's route, and its handler with the arguments bound."""
        for route in self._routes:
            if found := re.fullmatch(route.pattern, request.path):
                return route.name, partial(route.handler, request, **found.groupdict())
        raise LookupError(request.path)

    def handle(self, request: Request) -> Reply:
        """Return the reply to a request."""
        _, handler = self.match(request)
        return handler()

    def close(self) -> None:
        """Stop, end every connection and wait for every thread; safe to call twice."""
        self.listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class _Listener(ThreadingHTTPServer):
    """The listening socket. It tracks its connections so that it can end them."""

    request_queue_size = 128
    daemon_threads = False  # so that server_close() waits for them

    def __init__(self, handle: Callable[[Request], Reply]) -> None:
        self.handle = handle
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), Connection)
        self._loop = threading.Thread(
            target=self.serve_forever, args=(_POLL_SECONDS,), name="simulated service", daemon=True
        )
        self._loop.start()

    def server_bind(self) -> None:
        """Bind without http.server's host name look-up."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection and remember it."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and forget it."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def close(self) -> None:
        """End the loop, then every connection, then wait for their threads."""
        self.shutdown()
        self._loop.join()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore broken connections; print any other exception, since it is a bug."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Connection(BaseHTTPRequestHandler):
    """A connection; replies write to it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Listener

    def do_GET(self) -> None:
        """Answer a request."""
        target = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=target.path,
            query=target.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        self.server.handle(request).send(self)
        self.wfile.flush()

    do_POST = do_GET  # noqa: N815 - http.server's naming

    def write_head(self, status: int, headers: Headers) -> None:
        """Write the status line and the header lines."""
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""
