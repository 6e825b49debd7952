"""How often something may be tried, by whom. Memory is bounded: the oldest entries go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cldmon.web.message import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

MOST_KEYS = 4096


@dataclass(slots=True)
class _Count:
    until: datetime
    used: int = 0


class Limit:
    """At most `count` tries within `span` for each key. Threads may share it."""

    def __init__(self, count: int, span: timedelta, now: Callable[[], datetime]) -> None:
        self._count = count
        self._span = span
        self._now = now
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        """Count one try; raises 429 where there were too many."""
        now = self._now()
        with self._lock:
            count = self._counts.get(key)
            # The second test: the clock was set back, so the end of the span means nothing.
            if count is None or now >= count.until or now < count.until - self._span:
                count = self._begin(key, now)
            if count.used >= self._count:
                raise _too_many((count.until - now).total_seconds())
            count.used += 1

    def forget(self, key: str) -> None:
        """Let this key begin anew."""
        with self._lock:
            self._counts.pop(key, None)

    def _begin(self, key: str, now: datetime) -> _Count:
        count = self._counts[key] = _Count(now + self._span)
        self._counts.move_to_end(key)
        if len(self._counts) > MOST_KEYS:
            self._counts.popitem(last=False)
        return count


def _too_many(seconds: float) -> RefusedError:
    wait = max(1, round(seconds))
    return RefusedError(429, f"too many tries: wait {wait} s", ("Retry-After", str(wait)))
