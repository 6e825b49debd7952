"""Places for what is slow or heavy, so that however many ask for it, others are answered."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cldmon.web.message import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RETRY_SECONDS = 10


class Turns:
    """Lets so many work `at_once`, and so many more wait `in_line`; the rest are turned away.

    `what` is said to those. Who has waited for `patience` seconds (None: no limit) calls `stalled`,
    which may end somebody's turn, waits as long again, and is then turned away, too.
    """

    def __init__(
        self,
        what: str,
        at_once: int,
        in_line: int = 0,
        patience: float | None = None,
        stalled: Callable[[], None] = lambda: None,
    ) -> None:
        self._what = what
        self._patience = patience
        self._stalled = stalled
        self._turns = threading.BoundedSemaphore(at_once)
        self._places = threading.BoundedSemaphore(at_once + in_line)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a turn while the block runs; raises 503 where there is none to be had."""
        with _held(self._places.acquire(blocking=False), self._places, self._what):
            got = self._turns.acquire(timeout=self._patience)
            if not got:
                self._stalled()
                got = self._turns.acquire(timeout=self._patience)
            with _held(got, self._turns, self._what):
                yield


@contextmanager
def _held(got: bool, place: threading.Semaphore, what: str) -> Iterator[None]:
    if not got:
        raise RefusedError(503, what, ("Retry-After", str(RETRY_SECONDS)))
    try:
        yield
    finally:
        place.release()
