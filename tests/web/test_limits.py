"""How often something may be tried, and whose tries are counted together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.web.codes import Codes
from cldmon.web.limits import MOST_KEYS, Limit
from cldmon.web.message import RefusedError

if TYPE_CHECKING:
    from tests.fakes import Clock

MINUTE = timedelta(minutes=1)


def test_the_refusal_says_how_long_to_wait(clock: Clock) -> None:
    limit = Limit(1, MINUTE, clock)
    limit.take("a")
    clock.advance(timedelta(seconds=20))
    with pytest.raises(RefusedError) as refused:
        limit.take("a")
    assert (refused.value.status, refused.value.headers) == (429, (("Retry-After", "40"),))


def test_each_key_is_counted_for_itself(clock: Clock) -> None:
    limit = Limit(1, MINUTE, clock)
    limit.take("a")
    limit.take("b")


def test_a_clock_that_was_set_back_locks_nobody_out_for_long(clock: Clock) -> None:
    limit = Limit(1, MINUTE, clock)
    limit.take("a")
    clock.advance(timedelta(days=-1))
    limit.take("a")


def test_a_crowd_of_keys_is_not_remembered_for_ever(clock: Clock) -> None:
    limit = Limit(1, MINUTE, clock)
    for number in range(MOST_KEYS + 1):
        limit.take(str(number))
    limit.take("0")
    with pytest.raises(RefusedError):
        limit.take(str(MOST_KEYS))


def test_of_many_who_enter_a_code_at_once_one_gets_in(clock: Clock) -> None:
    codes = Codes(clock)
    code = codes.issue("U01ALICE")
    with ThreadPoolExecutor(8) as crowd:
        entered = list(crowd.map(lambda _: codes.redeem("U01ALICE", code), range(8)))
    assert entered.count(True) == 1


def test_a_crowd_of_codes_is_not_remembered_for_ever(clock: Clock) -> None:
    codes = Codes(clock)
    first = codes.issue("first")
    for number in range(5000):
        codes.issue(str(number))
    assert not codes.redeem("first", first)
