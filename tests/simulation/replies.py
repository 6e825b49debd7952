"""Replies that no sound service sends: late, broken off, endless, or none at all."""

from __future__ import annotations

import select
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cldmon.demo.server import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cldmon.demo.server import Connection, Reply

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing then sends a TCP reset."""


def wait(connection: Connection, seconds: float) -> None:
    """Do nothing for so long; raises ConnectionError as soon as the server closes."""
    if seconds <= 0:
        return
    connection.wfile.flush()
    poll = select.poll()
    poll.register(connection.connection, 0)  # only that it is shut down or reset
    if poll.poll(seconds * 1000):
        raise ConnectionAbortedError


def hang_up(connection: Connection, *, reset: bool = False) -> None:
    """End the connection after what was written; a reset needs the socket closed first."""
    connection.close_connection = True
    if reset:
        connection.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.connection.close()


@dataclass(frozen=True)
class Delayed:
    """Another reply, so many seconds later."""

    reply: Reply
    seconds: float

    def send(self, connection: Connection) -> None:
        wait(connection, self.seconds)
        self.reply.send(connection)


@dataclass(frozen=True)
class Repeated:
    """A body of `times` equal pieces that is never held in memory as a whole."""

    piece: bytes
    times: int

    def __iter__(self) -> Iterator[bytes]:
        return (self.piece for _ in range(self.times))


@dataclass(frozen=True)
class Stream(Response):
    """A response that is sent in pieces, `pause` seconds before each.

    `missing` is how many bytes more than there are its Content-Length promises; None sends no
    Content-Length, so that the body ends with the connection.
    """

    pieces: Iterable[bytes] = ()
    pause: float = 0.0
    missing: int | None = 0

    def send(self, connection: Connection) -> None:
        framing = ("Connection", "close")
        if self.missing is not None:
            framing = ("Content-Length", str(sum(map(len, self.pieces)) + self.missing))
        connection.write_head(self.status, (*self.headers, framing))
        for piece in self.pieces:
            wait(connection, self.pause)
            connection.wfile.write(piece)
        if self.missing != 0:
            hang_up(connection)


@dataclass(frozen=True)
class Raw:
    """Bytes in place of an HTTP response, `pause` seconds before each piece; then the end."""

    pieces: Iterable[bytes]
    pause: float = 0.0

    def send(self, connection: Connection) -> None:
        for piece in self.pieces:
            wait(connection, self.pause)
            connection.wfile.write(piece)
        hang_up(connection)


@dataclass(frozen=True)
class HangUp:
    """No response at all: the connection ends (`reset`: by a TCP reset)."""

    reset: bool = False

    def send(self, connection: Connection) -> None:
        hang_up(connection, reset=self.reset)
