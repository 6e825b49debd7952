"""Limits on what callers may do: how often, and how many at a time.

Slots for slow work are shared fairly. A caller is identified by a path, such as an address and a
session: the slots of the whole address count first, and only then those of each session.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, TypeAlias

from cldmon.web.http import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime, timedelta

    CallerKey: TypeAlias = tuple[str, ...]

MAX_KEYS = 4096
MAX_BLOCKED = 65_536

RETRY_SECONDS = 10
LOCK_SECONDS = 5.0
"""How long to wait for other processes that lock a file."""


@dataclass(slots=True)
class _Count:
    until: datetime
    used: int = 0


class RateLimiter:
    """Allows `count` tries within `span` for each key. Threads may share it.

    Memory is bounded: the oldest entries are dropped first. Keys without tries left are stored
    separately, so that a flood of other keys does not reset them.
    """

    def __init__(self, count: int, span: timedelta, now: Callable[[], datetime]) -> None:
        self._count = count
        self._span = span
        self._now = now
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._used_up: OrderedDict[str, _Count] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, key: str) -> None:
        """Raise 429 after too many tries, without counting one."""
        with self._lock:
            self._check(key, self._now())

    def take(self, key: str) -> None:
        """Count a try; raises 429 after too many."""
        with self._lock:
            now = self._now()
            self._check(key, now)
            count = self._counts.get(key)
            if count is None or not self._is_running(count, now):
                count = _Count(now + self._span)
                _remember(self._counts, key, count, MAX_KEYS)
            count.used += 1
            if count.used >= self._count:
                del self._counts[key]
                _remember(self._used_up, key, count, MAX_BLOCKED)

    def _check(self, key: str, now: datetime) -> None:
        if count := self._used_up.get(key):
            if self._is_running(count, now):
                raise rate_limit_error("tries", count.until - now)
            del self._used_up[key]

    def _is_running(self, count: _Count, now: datetime) -> bool:
        """Return whether a span has begun (the clock may have been set back) but not ended."""
        return count.until - self._span <= now < count.until


def rate_limit_error(what: str, wait: timedelta) -> RefusedError:
    """Return a 429 that says how long to wait."""
    seconds = max(1, ceil(wait.total_seconds()))
    return RefusedError(
        429, f"too many {what}: wait {format_wait(wait)}", ("Retry-After", str(seconds))
    )


def format_wait(wait: timedelta) -> str:
    """Return how long to wait, in words."""
    seconds = max(1, ceil(wait.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{ceil(seconds / 60)} min"


def _remember(counts: OrderedDict[str, _Count], key: str, count: _Count, most: int) -> None:
    counts[key] = count
    counts.move_to_end(key)
    if len(counts) > most:
        counts.popitem(last=False)


@dataclass(eq=False, slots=True)
class _Slot:
    """A slot that a caller waits for or holds. `end` makes the holder finish soon."""

    caller: CallerKey
    number: int
    end: Callable[[], None] | None

    def weight(self, among: Collection[_Slot]) -> list[int]:
        """Return how many of these slots belong to each prefix of its caller's path."""
        lengths = range(1, len(self.caller) + 1)
        return [sum(each.caller[:n] == self.caller[:n] for each in among) for n in lengths]


class ConcurrencyLimiter:
    """Lets `max_active` callers work and `max_queued` more wait; refuses others, with `what`.

    The next slot goes to the caller with the fewest. If the queue is too long, the newest request
    of the caller with the most is refused. A caller that has waited for `patience` seconds (None:
    no limit) ends the oldest slot of the caller with the most, if that can be ended, waits as
    long again, and is then refused.
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
        """Return how many hold a slot or wait for one."""
        return len(self._working) + len(self._waiting)

    @contextmanager
    def slot(self, caller: CallerKey = (), end: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold a slot while the block runs; raises 503 if there is none.

        Others call `end` to make the block end soon.
        """
        with self._changed:
            self._arrivals += 1
            slot = _Slot(caller, self._arrivals, end)
            self._waiting.append(slot)
            self._assign_slots()
            if len(self._waiting) > self._max_queued:
                everyone = self._waiting + self._working
                self._waiting.remove(
                    max(self._waiting, key=lambda each: (each.weight(everyone), each.number))
                )
                self._changed.notify_all()
            if not self._wait_for(slot):
                self._end_one_for(slot)
                self._wait_for(slot)
            if slot not in self._working:
                if slot in self._waiting:
                    self._waiting.remove(slot)
                raise RefusedError(503, self._what, ("Retry-After", str(RETRY_SECONDS)))
        try:
            yield
        finally:
            with self._changed:
                self._working.remove(slot)
                self._assign_slots()

    def _wait_for(self, slot: _Slot) -> bool:
        return self._changed.wait_for(lambda: slot not in self._waiting, self._patience)

    def _assign_slots(self) -> None:
        """Give free slots to those who wait."""
        while self._waiting and len(self._working) < self._max_active:
            chosen = min(self._waiting, key=lambda each: (each.weight(self._working), each.number))
            self._waiting.remove(chosen)
            self._working.append(chosen)
        self._changed.notify_all()

    def _end_one_for(self, slot: _Slot) -> None:
        """End the oldest slot of the caller that would have the most, counting this one."""
        counted = [*(each for each in self._working if each.end), slot]
        ended = max(counted, key=lambda each: (each.weight(counted), -each.number))
        if ended.end and ended is not slot:
            end, ended.end = ended.end, None
            end()
