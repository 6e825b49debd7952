"""A small threaded HTTP server on loopback, the ground on which the simulated services stand.

It keeps connections alive, answers from a table of routes, remembers what it was asked, serves
planned faults, and closes at once, whatever still hangs.
"""

from __future__ import annotations

import re
import socket
import struct
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from cldmon.demo.faults import FaultPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from ssl import SSLContext
    from types import TracebackType

    from cldmon.demo.faults import Genuine
    from cldmon.demo.replies import Headers, Reply

POLL_SECONDS = 0.02
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing then sends a TCP reset."""


class ClosingError(Exception):
    """The server closes while a reply still waits."""


@dataclass(frozen=True)
class Request:
    """One request as it came; header names are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def key(self) -> str | None:
        """The claude.ai session key that came as a cookie, if any."""
        return self.cookie("sessionKey")

    def cookie(self, name: str) -> str | None:
        """Return the value of a cookie, or None."""
        pairs = (pair.strip().partition("=") for pair in self.headers.get("cookie", "").split(";"))
        return next((value for found, sign, value in pairs if found == name and sign), None)


@dataclass(frozen=True)
class Route:
    """Requests whose path fits `pattern` go to `handler`, named groups as arguments.

    A route without a name is never struck by a fault.
    """

    name: str
    pattern: str
    handler: Callable[..., Reply]

    def work(self, request: Request) -> Genuine | None:
        """Return the work that this request asks for, or None if it is not for this route."""
        match = re.fullmatch(self.pattern, request.path)
        return partial(self.handler, request, **match.groupdict()) if match else None


class SimServer:
    """A simulated service: starts when made, ends by `close()` or at the end of a `with`.

    `delay` is the time in seconds that each answer takes, `tls` what to speak TLS with. The last
    route must fit every path.
    """

    def __init__(
        self, routes: Sequence[Route], *, delay: float = 0.0, tls: SSLContext | None = None
    ) -> None:
        self.delay = delay
        self._scheme = "https" if tls else "http"
        self._routes = routes
        self._faults = FaultPlan()
        self._requests: list[Request] = []
        self._changed = threading.Condition()
        self._listener = _Listener(self._reply, tls)

    @property
    def url(self) -> str:
        """Where it listens: `http://127.0.0.1:PORT`, or https."""
        return f"{self._scheme}://127.0.0.1:{self._listener.server_port}"

    @property
    def requests(self) -> list[Request]:
        """What was asked so far, oldest first."""
        with self._changed:
            return list(self._requests)

    def clear(self) -> None:
        """Forget what was asked so far."""
        with self._changed:
            self._requests.clear()

    def wait_for_requests(self, count: int, timeout: float = 5.0) -> list[Request]:
        """Return what was asked once it is `count` requests, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._requests) >= count, timeout)
            return list(self._requests)

    def close(self) -> None:
        """Stop, release whatever hangs, and leave no thread behind; twice does no harm."""
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _reply(self, request: Request) -> Reply:
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()
        return self._work(request).delayed(self.delay)

    def _work(self, request: Request) -> Reply:
        found = ((route.name, route.work(request)) for route in self._routes)
        name, genuine = next((name, work) for name, work in found if work)
        fault = self._faults.take(request.key, name) if name else None
        return fault.act(genuine) if fault else genuine()


class _Listener(ThreadingHTTPServer):
    """The socket side: knows each connection and its thread, so that it can end them all."""

    request_queue_size = 128

    def __init__(self, reply: Callable[[Request], Reply], tls: SSLContext | None) -> None:
        self.reply = reply
        self.closing = threading.Event()
        self._live: dict[threading.Thread, socket.socket] = {}
        self._live_lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)
        if tls:
            # The handshake is the connection's own business: here others would wait for it.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self._loop = threading.Thread(
            target=self.serve_forever, args=(POLL_SECONDS,), name="simulated service", daemon=True
        )
        self._loop.start()

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name that http.server would do."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own that `close` can find."""
        thread = threading.Thread(
            target=self._serve, args=(request, client_address), name="connection", daemon=True
        )
        with self._live_lock:
            self._live[thread] = request
        thread.start()

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._live_lock:
                self._live.pop(threading.current_thread(), None)

    def close(self) -> None:
        """End the loop, then every connection, then wait for their threads."""
        self.closing.set()
        self.shutdown()
        self._loop.join()
        self.server_close()
        for thread, connection in self._connections():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()

    def _connections(self) -> list[tuple[threading.Thread, socket.socket]]:
        with self._live_lock:
            return list(self._live.items())

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let connections end as they like; anything else is a fault of ours and is shown."""
        if not isinstance(sys.exception(), ConnectionError | ClosingError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection; also the `Wire` that replies are written to."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Listener

    def do_GET(self) -> None:
        """Answer a request from the routes."""
        self.server.reply(self._request()).send(self)
        self.wfile.flush()

    do_POST = do_GET  # noqa: N815 - http.server's naming

    def _request(self) -> Request:
        target = urlsplit(self.path)
        return Request(
            method=self.command,
            path=target.path,
            query=target.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )

    def wait(self, seconds: float) -> None:
        """Do nothing for so long, or until the server closes."""
        if seconds > 0:
            self.wfile.flush()
            if self.server.closing.wait(seconds):
                raise ClosingError

    def head(self, status: int, headers: Headers) -> None:
        """Write the status line and the header lines."""
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def write(self, chunk: bytes) -> None:
        """Send a piece of the body."""
        self.wfile.write(chunk)

    def hang_up(self, *, reset: bool) -> None:
        """End the connection after what was written; a reset needs the socket closed first."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.connection.close()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: the requests are remembered instead."""
