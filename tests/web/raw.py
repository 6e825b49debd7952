"""Raw bytes over a real socket, which no proper client would send."""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_SECONDS = 20


class Ticks:
    """A clock of seconds that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


@dataclass(frozen=True)
class RawResponse:
    """One of several responses on a connection."""

    status: int
    head: str
    body: bytes


class Listener(Protocol):
    """A server, in this process or another."""

    @property
    def address(self) -> tuple[str, int]: ...


@contextmanager
def connect(server: Listener) -> Iterator[socket.socket]:
    """Connect, and disconnect at the end."""
    with socket.create_connection(server.address, timeout=LIMIT_SECONDS) as sock:
        yield sock


def send_raw(server: Listener, *pieces: bytes) -> list[RawResponse]:
    """Send these bytes and nothing more; return the response up to when the server disconnects."""
    with connect(server) as sock:
        for piece in pieces:
            with suppress(OSError):
                sock.sendall(piece)
        with suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        return parse_responses(receive_all(sock))


def receive_all(sock: socket.socket) -> bytes:
    """Return everything received until the server disconnects."""
    data = b""
    with suppress(ConnectionError):
        while more := sock.recv(1 << 16):
            data += more
    return data


def receive_response(sock: socket.socket) -> RawResponse:
    """Return the next response on a connection that stays open."""
    data = b""
    while True:
        head, end, rest = data.partition(b"\r\n\r\n")
        if end and len(rest) >= _length(head.decode("latin-1")):
            return parse_responses(data)[0]
        more = sock.recv(1 << 16)
        assert more, data
        data += more


def parse_responses(data: bytes) -> list[RawResponse]:
    """Parse responses from bytes."""
    found = []
    while data:
        raw, _, data = data.partition(b"\r\n\r\n")
        head = raw.decode("latin-1")
        match = re.match(r"HTTP/1\.1 (\d{3}) ", head)
        assert match, raw
        length = _length(head)
        found.append(RawResponse(int(match[1]), head, data[:length]))
        data = data[length:]
    return found


def _length(head: str) -> int:
    match = re.search(r"^Content-Length: (\d+)", head, re.MULTILINE)
    return int(match[1]) if match else 0
