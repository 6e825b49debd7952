"""Turns at what is slow or heavy, shared out among callers: nobody can use up those of others.

A caller is named by a path, such as an address and a session at it: what counts first is how much
all of the address have, and only then how much each of its sessions has.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from cldmon.web.http import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    CallerKey: TypeAlias = tuple[str, ...]

RETRY_SECONDS = 10
LOCK_SECONDS = 5.0
"""How long the one whose turn it is to change a file waits for other processes to be done."""


@dataclass(eq=False, slots=True)
class _Slot:
    """A turn that somebody waits for or has; `end` makes its holder be done soon."""

    caller: CallerKey
    number: int
    end: Callable[[], None] | None

    def weight(self, among: Collection[_Slot]) -> list[int]:
        """Return how many of these turns belong to each part of its caller's path."""
        lengths = range(1, len(self.caller) + 1)
        return [sum(each.caller[:n] == self.caller[:n] for each in among) for n in lengths]


class ConcurrencyLimiter:
    """Lets `max_active` callers work and `max_queued` more wait; refuses others, saying `what`.

    The next turn is for whoever has fewest. Where the line is too long, somebody is refused who has
    most. Who has waited for `patience` seconds (None: no limit) ends the oldest turn of whoever has
    most, where that can be ended, waits as long again, and is then refused, too.
    """

    def __init__(
        self, what: str, max_active: int, max_queued: int = 0, patience: float | None = None
    ) -> None:
        self._what = what
        self._max_active = max_active
        self._max_queued = max_queued
        self._patience = patience
        self._changed = threading.Condition()
        self._arrivals = 0
        self._waiting: list[_Slot] = []
        self._working: list[_Slot] = []

    def __len__(self) -> int:
        """Return how many have a turn or wait for one."""
        return len(self._working) + len(self._waiting)

    @contextmanager
    def slot(self, caller: CallerKey = (), end: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold a turn while the block runs; raises 503 where there is none to be had.

        `end` is called by others, to make the block end soon.
        """
        with self._changed:
            turn = self._acquired(caller, end)
        try:
            yield
        finally:
            with self._changed:
                self._working.remove(turn)
                self._advance()

    def _acquired(self, caller: CallerKey, end: Callable[[], None] | None) -> _Slot:
        self._arrivals += 1
        turn = _Slot(caller, self._arrivals, end)
        self._waiting.append(turn)
        self._advance()
        if len(self._waiting) > self._max_queued:
            self._refuse_one()
        if not self._changed.wait_for(lambda: turn not in self._waiting, self._patience):
            self._end_one_for(turn)
            self._changed.wait_for(lambda: turn not in self._waiting, self._patience)
        if turn in self._working:
            return turn
        if turn in self._waiting:
            self._waiting.remove(turn)
        raise RefusedError(503, self._what, ("Retry-After", str(RETRY_SECONDS)))

    def _advance(self) -> None:
        """Give the turns that are free to those who wait."""
        while self._waiting and len(self._working) < self._max_active:
            chosen = min(self._waiting, key=lambda each: (each.weight(self._working), each.number))
            self._waiting.remove(chosen)
            self._working.append(chosen)
        self._changed.notify_all()

    def _refuse_one(self) -> None:
        everyone = self._waiting + self._working
        refused = max(self._waiting, key=lambda each: (each.weight(everyone), each.number))
        self._waiting.remove(refused)
        self._changed.notify_all()

    def _end_one_for(self, turn: _Slot) -> None:
        """End the oldest turn of whoever would have most if this one were given, too."""
        counted = [*(each for each in self._working if each.end), turn]
        ended = max(counted, key=lambda each: (each.weight(counted), -each.number))
        if ended.end and ended is not turn:
            end, ended.end = ended.end, None
            end()
