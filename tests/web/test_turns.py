"""Places for what is heavy, and where to wait for them."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from cldmon.web.message import RefusedError
from cldmon.web.turns import Turns


def test_a_turn_is_free_again_after_it() -> None:
    turns = Turns("busy", at_once=1)
    for _ in range(3):
        with turns.taken():
            pass


def test_who_finds_no_place_to_wait_is_turned_away_at_once() -> None:
    turns = Turns("busy", at_once=2)
    with ExitStack() as stack:
        stack.enter_context(turns.taken())
        stack.enter_context(turns.taken())
        with pytest.raises(RefusedError, match="busy") as refused:
            stack.enter_context(turns.taken())
    assert refused.value.status == 503


def test_who_waits_in_line_comes_next() -> None:
    turns, done = Turns("busy", at_once=1, in_line=1), threading.Event()

    def work() -> None:
        with turns.taken():
            done.set()

    waiting = threading.Thread(target=work)
    with turns.taken():
        waiting.start()
        assert not done.wait(0.05)
    waiting.join()
    assert done.is_set()


def test_who_has_waited_too_long_may_end_anothers_turn() -> None:
    ending = threading.Event()
    turns = Turns("busy", at_once=1, in_line=1, patience=0.05, stalled=ending.set)
    begun = threading.Event()

    def hold() -> None:
        with turns.taken():
            begun.set()
            ending.wait(5)

    holder = threading.Thread(target=hold)
    holder.start()
    begun.wait(5)
    with turns.taken():
        assert ending.is_set()
    holder.join()


def test_who_waits_in_vain_is_turned_away_in_the_end() -> None:
    turns = Turns("busy", at_once=1, in_line=1, patience=0.01)
    with turns.taken(), pytest.raises(RefusedError), turns.taken():
        pass
