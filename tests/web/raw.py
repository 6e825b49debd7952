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
class Answer:
    """One of several responses on a connection."""

    status: int
    head: str
    body: bytes


class Listens(Protocol):
    """A server, in this process or another."""

    @property
    def address(self) -> tuple[str, int]: ...


@contextmanager
def connected(server: Listens) -> Iterator[socket.socket]:
    """Connect, and disconnect at the end."""
    with socket.create_connection(server.address, timeout=LIMIT_SECONDS) as sock:
        yield sock


def said(server: Listens, *pieces: bytes) -> list[Answer]:
    """Send these bytes and nothing more; return the response up to when the server disconnects."""
    with connected(server) as sock:
        for piece in pieces:
            with suppress(OSError):
                sock.sendall(piece)
        with suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        return answers(everything(sock))


def everything(sock: socket.socket) -> bytes:
    """Return everything received until the server disconnects."""
    data = b""
    with suppress(ConnectionError):
        while more := sock.recv(1 << 16):
            data += more
    return data


def one(sock: socket.socket) -> Answer:
    """Return the next response on a connection that stays open."""
    data = b""
    while True:
        head, end, rest = data.partition(b"\r\n\r\n")
        if end and len(rest) >= _length(head.decode("latin-1")):
            return answers(data)[0]
        more = sock.recv(1 << 16)
        assert more, data
        data += more


def answers(data: bytes) -> list[Answer]:
    """Parse responses from bytes."""
    found = []
    while data:
        raw, _, data = data.partition(b"\r\n\r\n")
        head = raw.decode("latin-1")
        match = re.match(r"HTTP/1\.1 (\d{3}) ", head)
        assert match, raw
        length = _length(head)
        found.append(Answer(int(match[1]), head, data[:length]))
        data = data[length:]
    return found


def _length(head: str) -> int:
    match = re.search(r"^Content-Length: (\d+)", head, re.MULTILINE)
    return int(match[1]) if match else 0
