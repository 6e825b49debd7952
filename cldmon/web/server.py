"""The sockets around the API: limits, deadlines and shutdown. Knows nothing about routes."""

from __future__ import annotations

import errno
import gc
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any

from cldmon.errors import CldmonError
from cldmon.web import http_parser
from cldmon.web.connections import Connections, Phase
from cldmon.web.http import RefusedError, Response
from cldmon.web.log import ThrottleFilter, log
from cldmon.web.port_owner import find_port_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cldmon.web.http import Request
    from cldmon.web.http_parser import Head

    Respond = Callable[[Request], Response]
    Refuse = Callable[[Request], Response | None]

GOODBYE_SECONDS = 1.0
"""How long the server waits for pending responses when it stops."""

_SWITCH_SECONDS = 0.001
"""How long a busy thread may keep the others waiting: a fifth of Python's default."""

_COLLECTED = 20_000
"""New objects between garbage collections."""

_BLOCK = 4096
"""Bytes; each idle connection allocates as much."""

_MAX_UNSENT = 1 << 17
"""Bytes that the kernel buffers for a client that does not read, instead of megabytes."""

_BACKLOG = 1024
_THREAD_ATTEMPTS = 250
"""A few milliseconds apart."""

_NO_THREAD = "no thread can be started for a connection: raise TasksMax of the unit, or `ulimit -u`"
_MAX_UNREAD = 1 << 16
_DRAIN_SECONDS = 0.5
_DRAIN_BLOCKS = 128


class ListenError(CldmonError):
    """The server cannot listen where the configuration says."""


class WebServer(ThreadingHTTPServer):
    """Listens at `host` and `port` (0: any free one) and answers with what `respond` returns.

    `refuse` is called before a body is read; what it returns is sent instead.

    Raises ListenError, which names the process that uses the port if it can be found.
    """

    allow_reuse_port = False  # newer versions of http.server would share a port with another server
    daemon_threads = True
    request_queue_size = _BACKLOG

    def __init__(
        self,
        host: str,
        port: int,
        respond: Respond,
        connections: Connections | None = None,
        *,
        refuse: Refuse = lambda _request: None,
    ) -> None:
        self.respond = respond
        self.refuse = refuse
        self.connections = Connections() if connections is None else connections
        try:
            found = socket.getaddrinfo(
                host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        except (OSError, UnicodeError) as error:
            raise ListenError(f"cannot listen on {host}: unknown host; change `host`") from error
        self.address_family, _, _, _, address = found[0]
        try:
            super().__init__(address, RequestHandler)  # type: ignore[arg-type]
        except OSError as error:
            reason = str(error.strerror)
            if error.errno == errno.EADDRINUSE:
                reason = f"it is in use by {find_port_owner(port)}; stop that, or change `port`"
            elif error.errno == errno.EACCES:
                reason = "ports below 1024 require root; change `port`"
            elif error.errno == errno.EADDRNOTAVAIL:
                reason = "this machine has no such address; change `host`"
            raise ListenError(f"cannot listen on {host}, port {port}: {reason}") from error

    @property
    def url(self) -> str:
        """Its URL on this machine."""
        host, port = self.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{shown}:{port}/"

    def run(self) -> None:
        """Answer until interrupted; then close all connections."""
        sys.setswitchinterval(_SWITCH_SECONDS)
        gc.set_threshold(_COLLECTED)
        throttle = ThrottleFilter()
        log.addFilter(throttle)
        with suppress(KeyboardInterrupt):
            self.serve_forever()
        self.end()
        log.removeFilter(throttle)

    def end(self) -> None:
        """Stop listening, and end every connection."""
        self.server_close()
        self.connections.close(GOODBYE_SECONDS)

    def server_bind(self) -> None:
        """Bind without http.server's look-up of the host name."""
        if self.address_family == socket.AF_INET6:
            # So that "::" listens on every address of this machine, as people expect.
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection as soon as there is room for it."""
        self.connections.admit(request)
        for _ in range(_THREAD_ATTEMPTS):
            try:
                super().process_request(request, client_address)
            except (RuntimeError, MemoryError):
                log.warning(_NO_THREAD)
                if not self.connections.make_room():
                    break
            else:
                return
        _reject(request)
        self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, and make room for another."""
        super().shutdown_request(request)
        self.connections.remove(request)

    def service_actions(self) -> None:
        """End connections that are past their deadline."""
        self.connections.expire_overdue()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log an error, unless it is the client's: they may disconnect at any time."""
        error = sys.exception()
        if isinstance(error, CldmonError):
            log.warning("a response was cut off: %s", error)
        elif not isinstance(error, OSError):
            log.warning("a connection ended with an unexpected %s", type(error).__name__)


class RequestHandler(BaseHTTPRequestHandler):
    """One connection: answers requests until either side closes it."""

    server: WebServer

    def setup(self) -> None:
        """Skip the file objects that http.server would create: we count bytes ourselves."""
        self.connection = self.request
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MAX_UNSENT)

    def finish(self) -> None:
        """Skip flushing them."""

    def handle(self) -> None:
        """Answer one request after another."""
        self._state = self.server.connections.get(self.request)
        self._buffer = b""
        while self._handle_request():
            pass

    def _handle_request(self) -> bool:
        """Answer one request, and return whether another one may follow."""
        self._state.enter(Phase.REQUEST)
        try:
            head = self._read_head()
            if head is None:
                return False
            if head.length and (refusal := self.server.refuse(self._request(head))):
                self._refuse(refusal)
                return False
            body = self._read_body(head)
        except RefusedError as error:
            self._refuse(error.response)
            return False
        self._state.enter(Phase.WORK)
        return self._send_response(self.server.respond(self._request(head, body)), head)

    def _request(self, head: Head, body: bytes = b"") -> Request:
        return replace(head.request, body=body, peer=self.client_address[0])

    def _read_head(self) -> Head | None:
        """Return the next request's head, or None if the connection ends."""
        while (end := self._buffer.find(http_parser.END_OF_HEAD)) < 0:
            idle = not self._buffer
            if not idle:
                http_parser.check_partial_head(self._buffer)
            if not self._receive():
                return None
            if idle:
                self._state.enter(Phase.REQUEST)  # its time starts with its first byte
        head, self._buffer = self._buffer[:end], self._buffer[end + len(http_parser.END_OF_HEAD) :]
        if end > http_parser.MAX_HEAD:
            http_parser.check_partial_head(head)
        return http_parser.parse_head(head)

    def _read_body(self, head: Head) -> bytes:
        if head.expects_continue and len(self._buffer) < head.length:
            self.connection.sendall(http_parser.CONTINUE)
        while len(self._buffer) < head.length:
            if not self._receive():
                raise ConnectionAbortedError("the client disconnected in the middle of its request")
        body, self._buffer = self._buffer[: head.length], self._buffer[head.length :]
        return body

    def _receive(self) -> bool:
        """Wait for more bytes, and return whether any came; raises 408 after a timeout."""
        data = self.connection.recv(_BLOCK)
        self._buffer += data
        if self._state.expired:
            if self._buffer:
                raise RefusedError(408, "the request took too long")
            return False
        return bool(data)

    def _refuse(self, response: Response) -> None:
        """Answer an invalid request and close: the start of the next one is unknown."""
        self._state.enter(Phase.RESPONSE)
        self._send((_format_head(response, keep_alive=False), _get_body(response)))
        # Read what the client is still sending: closing earlier would lose our response.
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_DRAIN_SECONDS)
            for _ in range(_DRAIN_BLOCKS):
                if not self.connection.recv(_BLOCK):
                    return

    def _send_response(self, response: Response, head: Head) -> bool:
        """Send a response, and return whether another request may follow."""
        if not isinstance(response.body, bytes) and head.request.method != "HEAD":
            try:
                self._stream(response, response.body, head)
            except RefusedError as error:
                response = error.response
            else:
                return head.keep_alive
        chunked = not isinstance(response.body, bytes)
        out = _format_head(response, keep_alive=head.keep_alive, chunked=chunked)
        self._state.enter(Phase.RESPONSE)
        self._send((out, b"" if head.request.method == "HEAD" else _get_body(response)))
        return head.keep_alive

    def _stream(self, response: Response, pieces: Iterator[bytes], head: Head) -> None:
        """Send a response of unknown length, in chunks or (HTTP/1.0) until the connection ends."""
        chunked = head.accepts_chunked
        with self.server.connections.stream_slot(self._state, response.caller):
            out = _format_head(response, keep_alive=head.keep_alive, chunked=chunked)
            self.connection.sendall(out)
            for piece in filter(None, pieces):
                self._send(http_parser.chunk(piece) if chunked else (piece,))
            if chunked:
                self.connection.sendall(http_parser.LAST_CHUNK)

    def _send(self, parts: Sequence[bytes]) -> None:
        """Send parts together without copying them."""
        sent = self.connection.sendmsg(parts)
        if sent < sum(map(len, parts)):  # interrupted by a signal
            self.connection.sendall(b"".join(parts)[sent:])


def _reject(sock: socket.socket) -> None:
    """Send 503 to a connection for which there is no thread, without waiting for it."""
    response = RefusedError(503, "too many connections", ("Retry-After", "10")).response
    with suppress(OSError):
        sock.setblocking(False)
        sock.sendmsg((_format_head(response, keep_alive=False), _get_body(response)))
        sock.recv(_MAX_UNREAD)  # unread bytes would lose our response


def _format_head(response: Response, *, keep_alive: bool, chunked: bool = False) -> bytes:
    date = formatdate(usegmt=True)
    return http_parser.format_head(response, keep_alive=keep_alive, chunked=chunked, date=date)


def _get_body(response: Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b""
