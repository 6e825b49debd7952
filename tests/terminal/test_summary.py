"""The summary in one line: who is at a limit, and who has to act."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.freshness import build_views
from cldmon.domain.model import Account, Failure, FailureKind, Snapshot, Window
from cldmon.domain.summary import summarize
from cldmon.terminal.style import Terminal
from cldmon.terminal.summary import format_summary
from tests.terminal.readings import CAROL, HOUR, MINUTE, NOW, reading

if TYPE_CHECKING:
    from collections.abc import Iterator

IDLE = Account("idle", reading(MINUTE, "Pro", fiveHour=Window(5, None)))


@pytest.fixture(params=[("Europe/Berlin", "14:26"), ("Asia/Tokyo", "22:26")])
def clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The time at 13:26 UTC in the zone of the reader."""
    zone, text = request.param
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    yield text
    monkeypatch.undo()
    time.tzset()


def summary(*accounts: Account, columns: int = 200) -> str:
    views = build_views(Snapshot(NOW, accounts, 10 * MINUTE), NOW)
    terminal = Terminal(columns, colour=False, unicode=True)
    return format_summary(summarize(views, NOW), views, NOW, terminal)


def full(label: str, until: timedelta) -> Account:
    return Account(label, reading(MINUTE, "Pro", fiveHour=Window(100, NOW + until)))


def build_failed(label: str, kind: FailureKind, until: timedelta | None = None) -> Account:
    return Account(label, None, Failure(kind, "words", NOW + until if until else None))


def test_limits_come_first_then_what_needs_action_then_what_recovers(clock: str) -> None:
    wait = timedelta(hours=1, minutes=48, seconds=40)
    assert summary(
        build_failed("carol", FailureKind.RATE_LIMITED, wait),
        build_failed("dave", FailureKind.KEY_EXPIRED),
        CAROL,
        full("bob", 34 * MINUTE),
    ) == (
        "1 of 4 at a limit · bob resets in 34m · dave: session key expired"
        f" · carol: rate limited until {clock} (recovers by itself) · {CAROL.label}: stale"
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FailureKind.KEY_MISSING, "no session key"),
        (FailureKind.KEY_EXPIRED, "session key expired"),
        (FailureKind.WRONG_ORGANIZATION, "wrong organization"),
        (FailureKind.REFUSED, "refused"),
        (FailureKind.CHALLENGED, "challenged (recovers by itself)"),
        (FailureKind.RATE_LIMITED, "rate limited (recovers by itself)"),
        (FailureKind.SERVICE_DOWN, "service down (recovers by itself)"),
        (FailureKind.NOT_UNDERSTOOD, "answer not understood"),
        (FailureKind.TIMEOUT, "timed out (recovers by itself)"),
        (FailureKind.NO_BROWSER, "no browser"),
        (FailureKind.UNEXPECTED, "unexpected error"),
    ],
)
def test_every_cause_has_its_words_and_says_whether_it_recovers(
    kind: FailureKind, words: str
) -> None:
    assert summary(IDLE, build_failed("dave", kind)) == f"none known at a limit · dave: {words}"


def test_a_time_that_has_passed_is_not_shown() -> None:
    line = summary(IDLE, build_failed("dave", FailureKind.RATE_LIMITED, -MINUTE))
    assert "until" not in line


def test_without_a_current_reading_nobody_is_said_to_be_free() -> None:
    line = summary(CAROL, build_failed("dave", FailureKind.TIMEOUT))
    assert line.startswith("no current readings · dave: timed out")


def test_with_no_errors_none_of_all_is_at_a_limit() -> None:
    assert summary(IDLE, Account("too", IDLE.reading)) == "none of 2 at a limit"


def test_a_line_that_is_too_long_says_once_that_errors_recover() -> None:
    down = [build_failed(f"account-{n}", FailureKind.SERVICE_DOWN) for n in range(4)]
    line = summary(IDLE, *down, columns=80)
    start = "none known at a limit · recovers by itself: 4 · account-0: service down · account-1: s"
    assert line == f"{start[:79]}…"


def test_a_line_that_is_too_long_counts_errors_before_it_names_anybody() -> None:
    team = [full(f"account-{n}", n * HOUR) for n in range(1, 10)]
    errors = [build_failed(f"error-{n}", FailureKind.KEY_EXPIRED) for n in range(3)]
    line = summary(*team, *errors, build_failed("x", FailureKind.TIMEOUT), CAROL, columns=80)
    start = "9 of 14 at a limit · needs action: 3 · recovers by itself: 1 · stale: 1 · account-"
    assert line == f"{start[:79]}…"
