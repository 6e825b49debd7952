"""How often something may be tried, by whom. Memory is bounded: the oldest entries go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from cldmon.web.http import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

MAX_KEYS = 4096
MAX_BLOCKED = 65_536


@dataclass(slots=True)
class _Count:
    until: datetime
    used: int = 0


class RateLimiter:
    """At most `count` tries within `span` for each key. Threads may share it.

    Those that have no try left are remembered apart: no crowd of others makes one begin again.
    """

    def __init__(self, count: int, span: timedelta, now: Callable[[], datetime]) -> None:
        self._count = count
        self._span = span
        self._now = now
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._used_up: OrderedDict[str, _Count] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, key: str) -> None:
        """Raise 429 where there were too many tries; count none."""
        with self._lock:
            self._check(key, self._now())

    def take(self, key: str) -> None:
        """Count one try; raises 429 where there were too many."""
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
        """Return whether a span has not ended; not where the clock was set back to before it."""
        return count.until - self._span <= now < count.until


def rate_limit_error(what: str, wait: timedelta) -> RefusedError:
    """Return the refusal of what was tried too often, which says how long to wait."""
    seconds = max(1, ceil(wait.total_seconds()))
    return RefusedError(
        429, f"too many {what}: wait {format_wait(wait)}", ("Retry-After", str(seconds))
    )


def format_wait(wait: timedelta) -> str:
    """Return a time to wait in words."""
    seconds = max(1, ceil(wait.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{ceil(seconds / 60)} min"


def _remember(counts: OrderedDict[str, _Count], key: str, count: _Count, most: int) -> None:
    counts[key] = count
    counts.move_to_end(key)
    if len(counts) > most:
        counts.popitem(last=False)
