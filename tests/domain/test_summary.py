"""Who is at a limit, until when, and whose accounts need somebody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cldmon.domain.freshness import build_views
from cldmon.domain.json_types import to_json
from cldmon.domain.model import Account, Failure, FailureKind, Reading, Snapshot, Window
from cldmon.domain.summary import Limit, Summary, summarize
from tests.fakes import NOON

MINUTE = timedelta(minutes=1)
SOON, LATER = NOON + timedelta(hours=1), NOON + timedelta(days=2)


def account(label: str, ago: timedelta = MINUTE, **windows: Window) -> Account:
    return Account(label, Reading(NOON - ago, windows))


def summary(*accounts: Account) -> Summary:
    return summarize(build_views(Snapshot(NOON, accounts), NOON), NOON)


def test_an_account_is_limited_until_its_full_window_that_resets_last() -> None:
    found = summary(
        account("alice", fiveHour=Window(100, SOON), sevenDay=Window(100, LATER)),
        account("bob", fiveHour=Window(100, SOON), sevenDay=Window(99, LATER)),
        account("carol", fiveHour=Window(99, SOON)),
    )
    assert found.accounts == 3
    assert found.limited == (
        Limit("alice", "sevenDay", LATER),
        Limit("bob", "fiveHour", SOON),
    )


@pytest.mark.parametrize("resets_at", [None, NOON - timedelta(hours=1)])
def test_a_reset_that_is_unknown_or_overdue_is_not_promised(resets_at: object) -> None:
    window = Window(100, resets_at)  # type: ignore[arg-type]
    assert summary(account("alice", fiveHour=window)).limited == (Limit("alice", "fiveHour", None),)


def test_a_window_whose_reset_is_due_and_a_stale_one_are_no_limits() -> None:
    due = Window(100, NOON - MINUTE)
    found = summary(
        account("alice", ago=10 * MINUTE, fiveHour=due),
        account("bob", ago=60 * MINUTE, fiveHour=Window(100, LATER)),
    )
    assert (found.limited, found.stale) == ((), ("bob",))


@pytest.mark.parametrize("kind", FailureKind)
def test_each_error_either_needs_somebody_or_recovers(kind: FailureKind) -> None:
    recovers = kind in {
        FailureKind.RATE_LIMITED,
        FailureKind.SERVICE_DOWN,
        FailureKind.TIMEOUT,
        FailureKind.CHALLENGED,
    }
    found = summary(Account("alice", None, Failure(kind, "why")))
    expected = ((), ("alice",)) if recovers else (("alice",), ())
    assert (found.needs_action, found.recovering, found.stale) == (*expected, ())


def test_a_challenge_needs_somebody_from_the_third_attempt_on() -> None:
    attempts = [Failure(FailureKind.CHALLENGED, "challenged", attempts=n) for n in (1, 2, 3, 4)]
    assert [each.needs_action for each in attempts] == [False, False, True, True]


def test_the_json_has_the_documented_keys() -> None:
    found = summary(
        account("alice", fiveHour=Window(100, SOON)),
        Account("bob", None, Failure(FailureKind.KEY_EXPIRED, "expired")),
    )
    assert to_json(found) == {
        "accounts": 2,
        "limited": [{"label": "alice", "window": "fiveHour", "until": "2026-11-22T13:00:00.000Z"}],
        "needsAction": ["bob"],
        "recovering": [],
        "stale": [],
    }
