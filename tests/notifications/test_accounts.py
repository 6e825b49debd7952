"""What happens to a whole account: it fails, recovers, its key grows old, a saved reset ends."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from cldmon.domain.events import EventKind, Outage
from cldmon.domain.model import Failure, FailureKind, SavedResets
from cldmon.notifications.detection import detect_outage, find_ending_resets, find_key_step
from tests.fakes import NOON

FAILED, RECOVERED = EventKind.ACCOUNT_FAILED, EventKind.ACCOUNT_RECOVERED
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

GOOD = None
EXPIRED, DOWN, TIMEOUT, LIMITED, CHALLENGED = (
    FailureKind.KEY_EXPIRED,
    FailureKind.SERVICE_DOWN,
    FailureKind.TIMEOUT,
    FailureKind.RATE_LIMITED,
    FailureKind.CHALLENGED,
)


def walk(*attempts: tuple[int, FailureKind | None]) -> list[tuple[int, EventKind]]:
    """Return what happens in attempts at these minutes, and when."""
    outage: Outage | None = None
    seen = []
    for minutes, kind in attempts:
        failure = Failure(kind, "words") if kind else None
        found, outage = detect_outage(outage, failure, NOON + timedelta(minutes=minutes))
        if found:
            seen.append((minutes, found))
    return seen


def every_ten_minutes(*kinds: FailureKind | None) -> list[tuple[int, FailureKind | None]]:
    return [(10 * number, kind) for number, kind in enumerate(kinds)]


@pytest.mark.parametrize(
    ("attempts", "seen"),
    [
        ([(0, EXPIRED), (10, EXPIRED), (20, EXPIRED)], []),
        ([(0, EXPIRED), (10, EXPIRED), (29, EXPIRED)], []),
        ([(0, EXPIRED), (10, EXPIRED), (30, EXPIRED)], [(30, FAILED)]),
        ([(0, EXPIRED), (500, EXPIRED)], []),
        ([(0, EXPIRED), (500, EXPIRED), (501, EXPIRED)], [(501, FAILED)]),
        ([(0, CHALLENGED), (30, CHALLENGED), (60, CHALLENGED)], [(60, FAILED)]),
    ],
)
def test_an_account_has_failed_after_three_attempts_over_half_an_hour(
    attempts: list[tuple[int, FailureKind | None]], seen: list[tuple[int, EventKind]]
) -> None:
    assert walk(*attempts) == seen


@pytest.mark.parametrize("kind", [DOWN, TIMEOUT])
def test_trouble_of_the_service_counts_from_one_hour_on(kind: FailureKind) -> None:
    assert walk((0, kind), (10, kind), (59, kind)) == []
    assert walk((0, kind), (10, kind), (60, kind)) == [(60, FAILED)]
    assert walk((0, EXPIRED), (10, kind), (40, kind), (50, EXPIRED)) == [(50, FAILED)]


def test_an_outage_is_one_event_and_its_end_another() -> None:
    assert walk(*every_ten_minutes(*[EXPIRED] * 9, GOOD, GOOD)) == [(30, FAILED), (90, RECOVERED)]
    again = every_ten_minutes(*[EXPIRED] * 4, GOOD, *[DOWN] * 7, GOOD)
    assert walk(*again) == [(30, FAILED), (40, RECOVERED), (110, FAILED), (120, RECOVERED)]


def test_an_outage_that_nobody_heard_of_ends_in_silence() -> None:
    assert walk(*every_ten_minutes(EXPIRED, EXPIRED, EXPIRED, GOOD)) == []
    assert walk(*every_ten_minutes(*[EXPIRED, EXPIRED, GOOD] * 5)) == []


def test_a_rate_limit_neither_counts_nor_ends_an_outage() -> None:
    assert walk(*every_ten_minutes(*[LIMITED] * 20, GOOD)) == []
    assert walk(*every_ten_minutes(EXPIRED, LIMITED, LIMITED, LIMITED, EXPIRED)) == []
    mixed = every_ten_minutes(EXPIRED, LIMITED, EXPIRED, LIMITED, EXPIRED, LIMITED, GOOD)
    assert walk(*mixed) == [(40, FAILED), (60, RECOVERED)]


def test_a_clock_that_is_set_back_does_not_shorten_an_outage() -> None:
    assert walk((500, EXPIRED), (0, EXPIRED), (20, EXPIRED), (30, EXPIRED)) == [(30, FAILED)]


@pytest.mark.parametrize(
    ("age", "warned", "step"),
    [
        (21 * DAY - SECOND, 0, None),
        (21 * DAY, 0, 21),
        (21 * DAY, 21, None),
        (26 * DAY - SECOND, 21, None),
        (26 * DAY, 21, 26),
        (28 * DAY - SECOND, 26, None),
        (28 * DAY, 26, 28),
        (28 * DAY, 28, None),
        (400 * DAY, 28, None),
        (400 * DAY, 0, 28),
        (27 * DAY, 0, 26),
        (-DAY, 0, None),
    ],
)
def test_a_key_is_warned_of_at_21_26_and_28_days_each_once(
    age: timedelta, warned: int, step: int | None
) -> None:
    """Several steps at once are one warning, of the latest."""
    assert find_key_step(NOON - age, warned, NOON) == step


@pytest.mark.parametrize(
    ("left", "ends", "warned", "is_found"),
    [
        (1, NOON + 3 * DAY, None, True),
        (2, NOON + SECOND, None, True),
        (1, NOON + 3 * DAY + SECOND, None, False),
        (1, NOON, None, False),
        (1, NOON - DAY, None, False),
        (0, NOON + DAY, None, False),
        (1, None, None, False),
        (1, NOON + DAY, NOON + DAY, False),
        (1, NOON + DAY + SECOND, NOON + DAY, False),
        (1, NOON + 2 * DAY, NOON + DAY, True),
    ],
)
def test_a_saved_reset_that_ends_within_three_days_is_warned_of_once(
    left: int, ends: datetime | None, warned: datetime | None, is_found: bool
) -> None:
    saved = SavedResets(left, ends, (ends,) if left and ends else ())
    known = [warned] if warned else []
    assert find_ending_resets(saved, known, NOON) == ([ends] if is_found else [])
    assert find_ending_resets(None, known, NOON) == []


def test_each_saved_reset_is_warned_of_though_another_ends_first() -> None:
    first, second, later = NOON + DAY, NOON + 2 * DAY, NOON + 4 * DAY
    saved = SavedResets(3, first, (later, second, first, first + SECOND))
    assert find_ending_resets(saved, [], NOON) == [first, second]
    assert find_ending_resets(saved, [first], NOON) == [second]
    assert find_ending_resets(saved, [first, second], NOON) == []
    assert find_ending_resets(saved, [first, second], NOON + DAY) == [later]
