"""An HTTP proxy on loopback that forwards for real, and may want a user and a password."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_HEAD = 65_536
_REALM = b'Proxy-Authenticate: Basic realm="proxy"\r\n'
_REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\n" + _REALM
_END = b"Content-Length: 0\r\nConnection: close\r\n\r\n"


class Proxy(Listener):
    """A proxy for `credentials` (`user:password`; None: for everybody).

    `places` maps `HOST:PORT` to the port on loopback that it stands for; nothing else is reached.
    `asked` has the targets of the requests that were let through, `refused` of those that were not.
    """

    def __init__(
        self, credentials: str | None = None, places: Mapping[str, int] | None = None
    ) -> None:
        self.credentials = credentials
        self.places = places or {}
        self.asked: list[str] = []
        self.refused: list[str] = []
        super().__init__()

    def handle(self, connection: socket.socket) -> None:
        head = _read_head(connection)
        method, _, rest = head.partition(b" ")
        target = rest.partition(b" ")[0].decode()
        if not self._is_allowed(head):
            self.refused.append(target)
            connection.sendall(_REFUSED + _END)
            return
        self.asked.append(target)
        host = target if method == b"CONNECT" else urlsplit(target).netloc
        port = self.places.get(host)
        if port is None:
            connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\n" + _END)
            return
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            self._connections.append(upstream)
            if method == b"CONNECT":
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                # One request a connection: no later one passes by unseen.
                own = re.sub(rb"(?i)\r\n(proxy-|connection:)[^\r]*", b"", head)
                upstream.sendall(own.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            back = threading.Thread(target=_pump, args=(upstream, connection), daemon=True)
            back.start()
            _pump(connection, upstream)
            back.join()

    def _is_allowed(self, head: bytes) -> bool:
        if self.credentials is None:
            return True
        token = base64.b64encode(self.credentials.encode())
        return b"\r\nproxy-authorization: basic " + token.lower() in head.lower() and token in head


def _read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD:
        piece = connection.recv(65_536)
        if not piece:
            raise OSError("the client has gone")
        head += piece
    return head


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
