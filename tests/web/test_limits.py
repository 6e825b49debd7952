"""How many tries are allowed, and whose tries are counted together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.web.http import RefusedError
from cldmon.web.limits import MAX_BLOCKED, MAX_KEYS, RateLimiter

if TYPE_CHECKING:
    from tests.fakes import Clock

MINUTE = timedelta(minutes=1)


def test_the_refusal_says_how_long_to_wait(clock: Clock) -> None:
    limit = RateLimiter(1, MINUTE, clock)
    limit.take("a")
    clock.tick(timedelta(seconds=20))
    with pytest.raises(RefusedError) as refused:
        limit.take("a")
    assert (refused.value.status, refused.value.headers) == (429, (("Retry-After", "40"),))


def test_each_key_is_counted_for_itself(clock: Clock) -> None:
    limit = RateLimiter(1, MINUTE, clock)
    limit.take("a")
    limit.take("b")


def test_a_clock_set_back_does_not_lock_out_for_long(clock: Clock) -> None:
    limit = RateLimiter(1, MINUTE, clock)
    limit.take("a")
    clock.tick(timedelta(days=-1))
    limit.take("a")


def test_a_crowd_of_keys_is_not_remembered_for_ever(clock: Clock) -> None:
    limit = RateLimiter(2, MINUTE, clock)
    for number in range(MAX_KEYS + 1):
        limit.take(str(number))
    limit.take("0")
    limit.take("0")
    limit.take(str(MAX_KEYS))
    for number in (0, MAX_KEYS):
        with pytest.raises(RefusedError):
            limit.take(str(number))


def test_what_is_used_up_survives_a_crowd_of_others(clock: Clock) -> None:
    """Whether they are new or used up."""
    limit = RateLimiter(2, MINUTE, clock)
    for key in ("a", "a", *map(str, range(MAX_KEYS + 1)), *map(str, range(MAX_KEYS + 1))):
        limit.take(key)
    with pytest.raises(RefusedError):
        limit.take("a")
    clock.tick(MINUTE)
    limit.take("a")


def test_a_crowd_that_is_used_up_is_not_remembered_for_ever(clock: Clock) -> None:
    limit = RateLimiter(1, MINUTE, clock)
    for number in range(MAX_BLOCKED + 1):
        limit.take(str(number))
    limit.take("0")


def test_a_look_counts_nothing(clock: Clock) -> None:
    limit = RateLimiter(1, MINUTE, clock)
    for _ in range(3):
        limit.check("a")
    limit.take("a")
    with pytest.raises(RefusedError):
        limit.check("a")
