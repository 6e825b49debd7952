"""One-time codes: how often they can be guessed, and how guessing affects their owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.web.http import RefusedError
from cldmon.web.one_time_codes import DIGITS, MAX_SENT, TRIES, Attempt, Codes, Outcome
from tests.fakes import Clock

if TYPE_CHECKING:
    from collections.abc import Iterable

ALICE, BOB = "U01ALICE", "U02BOB"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MOST_GUESSES = 145
"""In a day: see docs/security.md."""


@pytest.fixture(name="codes")
def make_codes(clock: Clock) -> Codes:
    return Codes(clock)


def use_up(codes: Codes, user: str = ALICE) -> Attempt:
    """Enter wrong codes until the pending one is invalid; return the last result."""
    for _ in range(TRIES - 1):
        assert codes.redeem(user, "x").outcome is Outcome.WRONG
    last = codes.redeem(user, "x")
    assert last.outcome is Outcome.USED_UP
    return last


def wait(codes: Codes, user: str = ALICE) -> int:
    """Return how many seconds pass until a code can be sent."""
    with pytest.raises(RefusedError) as refused:
        codes.issue(user)
    assert refused.value.status == 429
    return int(dict(refused.value.headers)["Retry-After"])


def test_a_code_has_eight_digits(codes: Codes) -> None:
    assert DIGITS == 8
    assert all(len(code) == 8 and code.isdigit() for code in map(codes.issue, "abcdefgh"))


def test_a_code_works_once_for_its_person(codes: Codes) -> None:
    code = codes.issue(ALICE)
    codes.issue(BOB)
    assert codes.redeem(BOB, code).outcome is Outcome.WRONG
    assert codes.redeem(ALICE, code).outcome is Outcome.RIGHT
    assert codes.redeem(ALICE, code).outcome is Outcome.NOT_PENDING


def test_the_last_try_can_be_right_but_none_after_it(codes: Codes, clock: Clock) -> None:
    code = codes.issue(ALICE)
    for _ in range(TRIES - 1):
        codes.redeem(ALICE, "x")
    assert codes.redeem(ALICE, code).outcome is Outcome.RIGHT
    code = codes.issue(ALICE)
    use_up(codes)
    assert codes.redeem(ALICE, code).outcome is Outcome.NOT_PENDING


def test_a_code_expires_after_ten_minutes_or_when_it_is_replaced(
    codes: Codes, clock: Clock
) -> None:
    code = codes.issue(ALICE)
    clock.tick(10 * MINUTE - timedelta(seconds=1))
    assert codes.redeem(ALICE, code).outcome is Outcome.RIGHT
    code = codes.issue(ALICE)
    clock.tick(10 * MINUTE)
    assert codes.redeem(ALICE, code).outcome is Outcome.NOT_PENDING
    old, new = codes.issue(ALICE), codes.issue(ALICE)
    assert old == new or codes.redeem(ALICE, old).outcome is Outcome.WRONG
    assert codes.redeem(ALICE, new).outcome is Outcome.RIGHT


def test_a_code_entered_many_times_at_once_logs_in_once(codes: Codes) -> None:
    code = codes.issue(ALICE)
    with ThreadPoolExecutor(8) as crowd:
        entered = list(crowd.map(lambda _: codes.redeem(ALICE, code).outcome, range(8)))
    assert entered.count(Outcome.RIGHT) == 1


def test_what_is_entered_while_no_code_is_pending_costs_nothing(codes: Codes, clock: Clock) -> None:
    for _ in range(1000):
        assert codes.redeem(ALICE, "00000000").outcome is Outcome.NOT_PENDING
    assert len(codes) == 0
    code = codes.issue(ALICE)
    assert codes.redeem(ALICE, code).outcome is Outcome.RIGHT
    codes.issue(ALICE)
    clock.tick(10 * MINUTE)
    for _ in range(100):
        assert codes.redeem(ALICE, "00000000").outcome is Outcome.NOT_PENDING
    assert codes.issue(ALICE)


def test_each_code_that_is_used_up_doubles_the_wait_for_the_next_up_to_an_hour(
    codes: Codes, clock: Clock
) -> None:
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60, 60):
        codes.issue(ALICE)
        assert use_up(codes).wait == minutes * MINUTE
        assert wait(codes) == minutes * 60
        clock.tick(minutes * MINUTE - timedelta(seconds=1))
        assert wait(codes) == 1
        clock.tick(timedelta(seconds=1))
    assert codes.issue(BOB)


def test_a_right_code_and_a_quiet_day_end_the_waiting(codes: Codes, clock: Clock) -> None:
    for _ in range(4):
        codes.issue(ALICE)
        use_up(codes)
        clock.tick(10 * MINUTE)
    code = codes.issue(ALICE)
    codes.redeem(ALICE, code)
    codes.issue(ALICE)
    assert use_up(codes).wait == MINUTE
    clock.tick(MINUTE)
    codes.issue(ALICE)
    assert use_up(codes).wait == 2 * MINUTE
    clock.tick(DAY)
    codes.issue(ALICE)
    assert use_up(codes).wait == MINUTE


def test_a_new_code_brings_no_new_tries(codes: Codes, clock: Clock) -> None:
    """Otherwise someone who keeps requesting new ones would never use one up."""
    codes.issue(ALICE)
    left = [codes.redeem(ALICE, "x").tries_left for _ in range(TRIES - 1)]
    codes.issue(ALICE)
    clock.tick(20 * MINUTE)
    codes.issue(ALICE)
    assert left == [4, 3, 2, 1]
    assert codes.redeem(ALICE, "x").outcome is Outcome.USED_UP


def test_many_other_users_do_not_reset_a_count(codes: Codes, clock: Clock) -> None:
    codes.issue(ALICE)
    use_up(codes)
    codes.issue(BOB)
    left = codes.redeem(BOB, "x").tries_left
    for number in range(10_000):
        codes.issue(f"U{number}")
    assert wait(codes) == 60
    assert codes.redeem(BOB, "x").tries_left == left - 1


def test_nothing_is_remembered_for_ever(codes: Codes, clock: Clock) -> None:
    for number in range(100):
        codes.issue(f"U{number}")
        clock.tick(timedelta(seconds=1))
    clock.tick(DAY)
    codes.issue(ALICE)
    assert len(codes) == 1


def test_users_are_not_flooded_with_codes(codes: Codes, clock: Clock) -> None:
    for _ in range(MAX_SENT):
        codes.issue(ALICE)
        clock.tick(MINUTE)
    assert wait(codes) == 55 * 60
    clock.tick(55 * MINUTE)
    assert codes.issue(ALICE)


def test_a_code_that_could_not_be_sent_does_not_count(codes: Codes) -> None:
    for _ in range(2 * MAX_SENT):
        codes.cancel(ALICE, codes.issue(ALICE))
    code = codes.issue(ALICE)
    codes.cancel(ALICE, "of another request")
    assert codes.redeem(ALICE, code).outcome is Outcome.RIGHT


def test_the_person_is_warned_once_a_day_at_most(codes: Codes, clock: Clock) -> None:
    warned = []
    for _ in range(50):
        code = codes.issue(ALICE)
        warned.append(use_up(codes).should_warn)
        clock.tick(timedelta(hours=1))
        code = codes.issue(ALICE)
        codes.redeem(ALICE, code)  # a login in between allows no more
    assert [number for number, each in enumerate(warned) if each] == [0, 24, 48]


def test_a_clock_set_back_does_not_lock_users_out(codes: Codes, clock: Clock) -> None:
    for _ in range(MAX_SENT):
        codes.issue(ALICE)
    use_up(codes)
    clock.tick(-DAY)
    code = codes.issue(ALICE)
    assert codes.redeem(ALICE, code).outcome is Outcome.RIGHT


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 4000)), max_size=200)


@given(STEPS)
def test_in_any_order_a_day_has_no_more_guesses_than_documented(
    steps: list[tuple[bool, int]],
) -> None:
    """Each step requests a code or guesses as often as allowed, after some seconds."""
    clock = Clock()
    codes = Codes(clock)
    assert len(list(_guesses(codes, clock, steps))) <= MOST_GUESSES * (
        1 + sum(seconds for _, seconds in steps) // DAY.total_seconds()
    )


def test_the_best_that_a_guesser_can_do_in_a_day() -> None:
    clock = Clock()
    codes = Codes(clock)
    heard = [*_guesses(codes, clock, [(True, 0), *[(False, 0), (True, 60)] * (24 * 60)])]
    assert len(heard) == MOST_GUESSES


def _guesses(codes: Codes, clock: Clock, steps: Iterable[tuple[bool, int]]) -> Iterable[Attempt]:
    """Yield the guesses that count."""
    for asks, seconds in steps:
        clock.tick(timedelta(seconds=seconds))
        if asks:
            try:
                codes.issue(ALICE)
            except RefusedError:
                continue
        while (attempt := codes.redeem(ALICE, "x")).outcome is not Outcome.NOT_PENDING:
            yield attempt
