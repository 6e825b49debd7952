"""Slots for expensive work, and the queue for them."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from cldmon.web.http import RefusedError
from cldmon.web.limits import ConcurrencyLimiter
from tests.env import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_turn_is_free_again_after_it() -> None:
    turns = ConcurrencyLimiter("busy", max_active=1)
    for _ in range(3):
        with turns.slot():
            pass


def test_a_full_queue_refuses_at_once() -> None:
    turns = ConcurrencyLimiter("busy", max_active=2)
    with ExitStack() as stack:
        stack.enter_context(turns.slot())
        stack.enter_context(turns.slot())
        with pytest.raises(RefusedError, match="busy") as refused:
            stack.enter_context(turns.slot())
    assert refused.value.status == 503


def test_the_queue_is_first_come_first_served() -> None:
    turns, done = ConcurrencyLimiter("busy", max_active=1, max_queued=1), threading.Event()

    def work() -> None:
        with turns.slot():
            done.set()

    waiting = threading.Thread(target=work)
    with turns.slot():
        waiting.start()
        assert not done.wait(0.05)
    waiting.join()
    assert done.is_set()


class Callers:
    """Threads, by name, that each want a slot and hold it until they are released."""

    def __init__(self, turns: ConcurrencyLimiter) -> None:
        self._turns = turns
        self._threads: list[threading.Thread] = []
        self._leaving: dict[str, threading.Event] = {}
        self.working: list[str] = []
        self.refused: list[str] = []
        self.done: list[str] = []

    def start(self, name: str, *caller: str) -> None:
        """Start a thread; return once it has a slot, waits or is refused."""
        self._leaving[name] = threading.Event()
        thread = threading.Thread(target=self._hold_slot, args=(name, caller))
        self._threads.append(thread)
        thread.start()
        wait_until(lambda: self._count_arrived == len(self._threads))

    def release(self, name: str) -> None:
        """Let a thread release its slot."""
        self._leaving[name].set()

    def end(self) -> None:
        for leaving in self._leaving.values():
            leaving.set()
        for thread in self._threads:
            thread.join()

    @property
    def _count_arrived(self) -> int:
        return len(self._turns) + len(self.refused) + len(self.done)

    def _hold_slot(self, name: str, caller: tuple[str, ...]) -> None:
        try:
            with self._turns.slot(caller, self._leaving[name].set):
                self.working.append(name)
                self._leaving[name].wait(20)
            self.done.append(name)
        except RefusedError:
            self.refused.append(name)


@contextmanager
def start_callers(
    max_active: int, max_queued: int, patience: float | None = None
) -> Iterator[Callers]:
    found = Callers(ConcurrencyLimiter("busy", max_active, max_queued, patience))
    try:
        yield found
    finally:
        found.end()


def test_the_caller_with_most_in_the_queue_makes_room() -> None:
    with start_callers(max_active=1, max_queued=3) as those:
        for number in range(4):
            those.start(f"a{number}", "a")
        for name in ("b", "c"):
            those.start(name, name)
        wait_until(lambda: those.refused == ["a3", "a2"])
        those.start("a4", "a")
        wait_until(lambda: those.refused == ["a3", "a2", "a4"])


def test_the_newest_request_of_the_greediest_caller_is_refused() -> None:
    with start_callers(max_active=1, max_queued=1) as those:
        for number in range(3):
            those.start(f"a{number}", "a")
        wait_until(lambda: those.refused == ["a2"])


def test_many_sessions_of_an_address_share_what_one_address_gets() -> None:
    with start_callers(max_active=1, max_queued=3) as those:
        for number in range(4):
            those.start(f"guest{number}", "address", f"session{number}")
        those.start("elsewhere", "another address", "session")
        wait_until(lambda: those.refused == ["guest3"])


def test_within_an_address_the_caller_with_most_makes_room() -> None:
    with start_callers(max_active=1, max_queued=3) as those:
        for number in range(4):
            those.start(f"a{number}", "address", "a")
        those.start("b", "address", "b")
        wait_until(lambda: those.refused == ["a3"])


def test_the_next_slot_is_for_the_caller_with_fewest() -> None:
    with start_callers(max_active=2, max_queued=9) as those:
        for number in range(4):
            those.start(f"a{number}", "a")
        those.start("b", "b")
        those.release("a0")
        wait_until(lambda: those.working == ["a0", "a1", "b"])
        those.release("b")
        wait_until(lambda: those.working == ["a0", "a1", "b", "a2"])


def test_after_the_wait_the_oldest_slot_of_the_caller_with_most_ends() -> None:
    with start_callers(max_active=3, max_queued=1, patience=0.05) as those:
        for name in ("b", "a0", "a1"):
            those.start(name, name[0])
        those.start("c", "c")
        wait_until(lambda: those.working == ["b", "a0", "a1", "c"])
        wait_until(lambda: those.done == ["a0"])


def test_the_caller_with_most_ends_one_of_its_own_slots() -> None:
    with start_callers(max_active=2, max_queued=1, patience=0.05) as those:
        for name in ("b", "a0", "a1"):
            those.start(name, name[0])
        wait_until(lambda: those.working == ["b", "a0", "a1"])
        wait_until(lambda: those.done == ["a0"])


def test_a_wait_without_success_ends_with_a_refusal() -> None:
    turns = ConcurrencyLimiter("busy", max_active=1, max_queued=1, patience=0.01)
    with turns.slot(), pytest.raises(RefusedError), turns.slot():
        pass
