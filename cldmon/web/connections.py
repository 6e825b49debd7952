"""The connections that are open, and the times that each may take.

Each has a thread of its own. The server's loop looks at all of them now and then, and ends those
whose time is up: a deadline for the whole of a request or an answer, however busily it trickles.
Where there is no room for a new one, or no thread, whoever has kept us waiting longest has to go.
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
"""The units of `cldmon schedule` allow for so many threads, and some."""

MAX_STREAMS = 3
"""Answers that are sent while they are read from disk: each has a day of history in memory."""

MAX_QUEUED_STREAMS = 13
STREAM_WAIT_SECONDS = 2.0
"""Seconds that a long answer waits for its place before it takes another's."""

GRACE_SECONDS = 0.02
"""Seconds that a connection is given before it has to make room."""

CHECK_SECONDS = 0.25
"""Seconds."""


class Phase(IntEnum):
    """What a connection waits for; in the order in which they have to make room."""

    REQUEST = 0
    ANSWER = 1
    STREAM = 2
    WORK = 3
    """For us: never ended."""


SECONDS = {Phase.REQUEST: 15.0, Phase.ANSWER: 30.0, Phase.STREAM: 120.0}
"""How long a phase may last; an idle connection is in the first one."""


class Connection:
    """One connection, as its own thread and the loop both see it."""

    def __init__(self, sock: socket.socket, clock: Callable[[], float]) -> None:
        self.socket = sock
        self.expired = False
        self._clock = clock
        self.phase = Phase.WORK  # until its thread runs
        self.since = clock()

    def enter(self, phase: Phase) -> None:
        """Begin another phase, and its time."""
        self.since = self._clock()
        self.phase = phase

    def is_overdue(self, now: float) -> bool:
        """Return whether the present phase has lasted too long."""
        return self.phase in SECONDS and now - self.since > SECONDS[self.phase]

    def expire(self) -> None:
        """End what it waits for; its thread can still say why, if it waited for a request."""
        self.expired = True
        waits = self.phase is Phase.REQUEST
        self._shut(socket.SHUT_RD if waits else socket.SHUT_RDWR)

    def end(self) -> None:
        """End the connection at once."""
        self.expired = True
        self._shut(socket.SHUT_RDWR)

    def _shut(self, how: int) -> None:
        with suppress(OSError):
            self.socket.shutdown(how)


class Connections:
    """All that are open. `clock` gives seconds that never step back."""

    def __init__(
        self, most: int = MAX_CONNECTIONS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._clock = clock
        self._open: dict[socket.socket, Connection] = {}
        self._changed = threading.Condition()
        self._streams = ConcurrencyLimiter(
            "too many long answers at a time",
            MAX_STREAMS,
            MAX_QUEUED_STREAMS,
            STREAM_WAIT_SECONDS,
        )
        self._looked = clock()

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, sock: socket.socket) -> Connection:
        """Take in a new connection, as soon as another one has made room."""
        with self._changed:
            while len(self._open) >= self._most:
                self._make_room()
            connection = self._open[sock] = Connection(sock, self._clock)
        return connection

    def make_room(self) -> bool:
        """End others for a new connection; return whether there are any."""
        with self._changed:
            self._make_room()
            return len(self._open) > 1

    def remove(self, sock: socket.socket) -> None:
        """Forget a connection that has ended."""
        with self._changed:
            self._open.pop(sock, None)
            self._changed.notify_all()

    def get(self, sock: socket.socket) -> Connection:
        """Return the connection of a socket that was admitted."""
        return self._open[sock]

    @contextmanager
    def stream_slot(self, connection: Connection, caller: CallerKey) -> Iterator[None]:
        """Hold one of the few places for long answers; raises 503 where there is none.

        After the wait, the oldest stream of the caller with the most is evicted.
        """
        with self._streams.slot(caller, connection.end):
            connection.enter(Phase.STREAM)
            yield

    def expire_overdue(self) -> None:
        """End those whose time is up."""
        now = self._clock()
        if now - self._looked < CHECK_SECONDS:
            return
        self._looked = now
        with self._changed:
            late = [c for c in self._open.values() if not c.expired and c.is_overdue(now)]
        for connection in late:
            connection.expire()

    def close(self, patience: float) -> None:
        """End all: at once where we wait for the client, else after `patience` seconds."""
        with self._changed:
            for connection in self._open.values():
                if connection.phase is Phase.REQUEST:
                    connection.end()
            self._changed.wait_for(lambda: not self._open, patience)
            for connection in self._open.values():
                connection.end()
            self._changed.wait_for(lambda: not self._open, patience)

    def _make_room(self) -> None:
        """End those who have kept us waiting longest, if anybody has for a while; wait a moment.

        Several who ask for nothing at a time, for a crowd of them comes at once; of the others one.
        """
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
