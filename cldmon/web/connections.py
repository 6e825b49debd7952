"""The open connections and their deadlines.

Each has its own thread. The server's loop regularly ends those that exceed the deadline for a whole
request or response, even if bytes keep trickling in. If there is no room or no thread for a new
one, the connection that has kept us waiting longest is closed.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import TYPE_CHECKING

from cldmon.web.limits import ConcurrencyLimiter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cldmon.web.limits import CallerKey

MAX_CONNECTIONS = 512
"""The units of `cldmon schedule` allow this many threads, and some more."""

MAX_STREAMS = 3
"""Responses that are sent while they are read from disk: each holds a day of history in memory."""

MAX_QUEUED_STREAMS = 13
STREAM_WAIT_SECONDS = 2.0
"""How long a stream waits for a slot before it takes another's."""

GRACE_SECONDS = 0.02
"""Younger connections are not closed to make room."""

CHECK_SECONDS = 0.25
"""How often deadlines are checked."""


class Phase(IntEnum):
    """What a connection waits for, in the order in which connections are closed to make room."""

    REQUEST = 0
    RESPONSE = 1
    STREAM = 2
    WORK = 3
    """Waits for us: never closed."""


SECONDS = {Phase.REQUEST: 15.0, Phase.RESPONSE: 30.0, Phase.STREAM: 120.0}
"""The maximum for each phase; an idle connection is in the first one."""


class Connection:
    """One connection, shared by its thread and the server's loop."""

    def __init__(self, sock: socket.socket, clock: Callable[[], float]) -> None:
        self.socket = sock
        self.expired = False
        self._clock = clock
        self.phase = Phase.WORK  # until its thread runs
        self.since = clock()

    def enter(self, phase: Phase) -> None:
        """Begin another phase and its deadline."""
        self.since = self._clock()
        self.phase = phase

    def is_overdue(self, now: float) -> bool:
        """Return whether the current phase has lasted too long."""
        return self.phase in SECONDS and now - self.since > SECONDS[self.phase]

    def expire(self) -> None:
        """End the wait. If it was for a request, the thread can still tell the client why."""
        self.end(socket.SHUT_RD if self.phase is Phase.REQUEST else socket.SHUT_RDWR)

    def end(self, how: int = socket.SHUT_RDWR) -> None:
        """End the connection at once."""
        self.expired = True
        with suppress(OSError):
            self.socket.shutdown(how)


class Connections:
    """All open connections. `clock` returns monotonic seconds."""

    def __init__(
        self,
        most: int = MAX_CONNECTIONS,
        clock: Callable[[], float] = time.monotonic,
        stream_wait: float = STREAM_WAIT_SECONDS,
    ) -> None:
        self._most = most
        self._clock = clock
        self._open: dict[socket.socket, Connection] = {}
        self._changed = threading.Condition()
        self._streams = ConcurrencyLimiter(
            "too many long responses at a time",
            MAX_STREAMS,
            MAX_QUEUED_STREAMS,
            stream_wait,
        )
        self._checked_at = clock()

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, sock: socket.socket) -> Connection:
        """Add a new connection as soon as there is room."""
        with self._changed:
            while len(self._open) >= self._most:
                self.make_room()
            connection = self._open[sock] = Connection(sock, self._clock)
        return connection

    def make_room(self) -> bool:
        """Close the connections that have kept us waiting longest, then wait a moment.

        If any wait for a request, several are closed, since they come in floods; otherwise one.
        Return whether there are others than the newest.
        """
        with self._changed:
            now = self._clock()
            waiting = [
                c
                for c in self._open.values()
                if c.phase is not Phase.WORK and not c.expired and now - c.since > GRACE_SECONDS
            ]
            waiting.sort(key=lambda c: (c.phase, c.since))
            silent = [c for c in waiting if c.phase is Phase.REQUEST]
            for connection in silent[: self._most // 8] or waiting[:1]:
                connection.end()
            self._changed.wait(GRACE_SECONDS / 5)
            return len(self._open) > 1

    def remove(self, sock: socket.socket) -> None:
        """Forget a connection that has ended."""
        with self._changed:
            self._open.pop(sock, None)
            self._changed.notify_all()

    def get(self, sock: socket.socket) -> Connection:
        """Return the connection of a socket."""
        return self._open[sock]

    @contextmanager
    def stream_slot(self, connection: Connection, caller: CallerKey) -> Iterator[None]:
        """Hold one of the few slots for long responses; raises 503 if there is none.

        After the wait, the oldest stream of the caller with the most is evicted.
        """
        with self._streams.slot(caller, connection.end):
            connection.enter(Phase.STREAM)
            yield

    def expire_overdue(self) -> None:
        """End connections that are past their deadline."""
        now = self._clock()
        if now - self._checked_at < CHECK_SECONDS:
            return
        self._checked_at = now
        with self._changed:
            late = [c for c in self._open.values() if not c.expired and c.is_overdue(now)]
        for connection in late:
            connection.expire()

    def close(self, patience: float) -> None:
        """End all connections: at once if we wait for the client, else after `patience` seconds."""
        with self._changed:
            for connection in self._open.values():
                if connection.phase is Phase.REQUEST:
                    connection.end()
            self._changed.wait_for(lambda: not self._open, patience)
            for connection in self._open.values():
                connection.end()
            self._changed.wait_for(lambda: not self._open, patience)
