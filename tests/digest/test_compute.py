"""What the digest says of one account: each rule by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.digest import AccountDigest, Week, compute_digest
from cldmon.domain.events import Event, EventKind
from cldmon.domain.instants import to_ms
from cldmon.domain.ranges import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

SINCE = datetime(2026, 3, 2, tzinfo=UTC)
SPAN = Span(SINCE, SINCE + timedelta(days=7))
STEP = timedelta(minutes=10)
HOUR = timedelta(hours=1)
LONG_AGO = SINCE - timedelta(days=90)
HIT, RESET, CHANGED = EventKind.LIMIT_HIT, EventKind.USAGE_RESET, EventKind.LIMIT_CHANGED


def at(step: float) -> datetime:
    return SINCE + step * STEP


def digest(
    events: Sequence[Event] = (),
    recorded_since: datetime | None = LONG_AGO,
    **lines: dict[int, int],
) -> AccountDigest:
    """Return the digest of an account whose windows were read so at these steps."""
    steps = sorted({step for line in lines.values() for step in line})
    points = [
        (to_ms(at(step)), {name: line[step] for name, line in lines.items() if step in line})
        for step in steps
    ]
    return compute_digest({"alice": points}, events, SPAN, STEP, recorded_since).accounts[0]


def line(*percents: int) -> dict[int, int]:
    return dict(enumerate(percents, 1))


def test_peak_and_final_use_are_those_of_readings_in_the_span() -> None:
    end = SPAN.length // STEP
    [window] = digest(fiveHour={-1: 99, 1: 5, end - 2: 80, end - 1: 7, end + 1: 100}).windows
    assert (window.peak, window.final) == (80, 7)


def test_a_reading_long_before_the_end_is_not_the_final_use() -> None:
    end = SPAN.length // STEP
    for steps, final in ((3, 7), (4, None)):
        [window] = digest(fiveHour={**line(5, 80, 80), end - steps: 7}).windows
        assert (window.peak, window.final) == (80, final)


def test_an_account_that_was_not_read_has_nothing() -> None:
    assert digest() == AccountDigest("alice", (), timedelta(0), 0)
    assert digest(fiveHour={-1: 99}).windows == ()


def test_a_window_is_full_until_the_next_reading_shows_otherwise() -> None:
    account = digest(fiveHour=line(90, 100, 100, 100, 0, 5))
    assert account.at_limit == 3 * STEP


def test_two_full_windows_at_once_are_one_time_at_a_limit() -> None:
    account = digest(fiveHour=line(100, 100, 0, 0), sevenDay=line(0, 100, 100, 0))
    assert [window.at_limit for window in account.windows] == [2 * STEP, 2 * STEP]
    assert account.at_limit == 3 * STEP


def test_time_without_readings_is_not_counted() -> None:
    """More than three intervals; a shorter time, or one reading without the window, is counted."""
    assert digest(fiveHour={1: 0, 2: 100, 3: 100, 7: 0, 8: 0}).at_limit == STEP
    assert digest(fiveHour={1: 0, 2: 100, 5: 0, 6: 0, 7: 0}).at_limit == 3 * STEP
    assert digest(fiveHour={1: 100, 3: 0}, sevenDay=line(1, 1, 1, 1)).at_limit == 2 * STEP


def test_only_the_time_within_the_span_is_counted() -> None:
    assert digest(fiveHour={-1: 100, 1: 0, 2: 0}).at_limit == STEP
    end = SPAN.length // STEP
    assert digest(fiveHour={end - 2: 100, end - 1: 100, end + 1: 0}).at_limit == 2 * STEP
    assert digest(fiveHour={end - 2: 0, end - 1: 100}).at_limit == STEP


def test_hits_are_events_of_the_span() -> None:
    events = [
        Event(HIT, "alice", name, at(step), None, 100)
        for step, name in ((-1, "fiveHour"), (1, "fiveHour"), (2, "sevenDay"), (9, "fiveHour"))
    ]
    account = digest([*events, Event(HIT, "bob", "fiveHour", at(1))], fiveHour=line(1, 2))
    assert [(window.name, window.hits, window.peak) for window in account.windows] == [
        ("fiveHour", 2, 2),
        ("sevenDay", 1, None),
    ]
    assert account.hits == 3


def test_errors_are_events_and_unknown_before_there_were_any() -> None:
    failed = [Event(EventKind.ACCOUNT_FAILED, "alice", None, at(n)) for n in (-9, 1, 9, 1008.5)]
    assert digest(failed, fiveHour=line(1)).errors == 2
    assert digest(failed, None, fiveHour=line(1)).errors is None
    assert digest(failed, at(5), fiveHour=line(1)).errors is None
    assert digest(failed, at(5), fiveHour={5: 1}).errors == 2


WEEKS = [
    ("a reset", line(50, 63, 0, 4), [37]),
    ("a reset after which use began again", line(63, 7, 8), [37]),
    ("a week without much use", line(3, 0, 0), [97]),
    ("a small fall that is none", line(63, 61, 63), []),
    ("one wrong sample", line(63, 0, 63), []),
    ("one wrong sample, a little later", line(63, 0, 60), []),
    ("a wrong sample that may be the end", line(63, 0), [37]),
    ("two weeks", line(63, 0, 1, 40, 100, 2), [37, 0]),
    ("no readings near its end", {1: 63, 9: 2, 10: 3, 11: 3}, [None]),
    ("a reset between the last reading before the span and its first", {-1: 63, 1: 0}, [37]),
    ("a reset before the span", {-2: 63, -1: 0, 1: 0}, []),
]


@pytest.mark.parametrize(
    ("week", "unused"), [each[1:] for each in WEEKS], ids=[each[0] for each in WEEKS]
)
def test_a_week_ends_where_use_falls(week: dict[int, int], unused: list[int | None]) -> None:
    [window] = digest(sevenDay=week).windows
    assert [week.unused for week in window.weeks] == unused
    assert window.early_resets == 0


def test_only_windows_of_seven_days_have_weeks() -> None:
    account = digest(fiveHour=line(63, 0), sevenDayOpus=line(63, 0))
    assert [window.weeks for window in account.windows] == [(), (Week(at(2), 37),)]


def test_a_reset_long_before_the_end_of_its_window_is_early_and_ends_no_week() -> None:
    """The event of the hit says when the window ends."""
    for ends, early in ((at(2) + 2 * HOUR, 1), (at(2) + HOUR / 2, 0), (at(1), 0)):
        hit = Event(HIT, "alice", "sevenDay", at(-900), ends, 100)
        [window] = digest([hit], sevenDay=line(100, 0, 0)).windows
        assert (window.early_resets, len(window.weeks)) == (early, 1 - early)


def test_the_next_window_is_not_taken_for_the_one_that_was_reset() -> None:
    reset = Event(RESET, "alice", "sevenDay", at(2), at(1010), 0)
    [window] = digest([reset], sevenDay=line(100, 0, 0)).windows
    assert (window.early_resets, len(window.weeks)) == (0, 1)


def test_a_limit_that_was_changed_when_use_fell_is_an_early_reset() -> None:
    """The event comes with the reading that confirms the fall."""
    for step in (2, 3):
        changed = Event(CHANGED, "alice", "sevenDay", at(step), at(500), 0)
        [window] = digest([changed], sevenDay=line(80, 0, 0)).windows
        assert (window.early_resets, window.weeks) == (1, ())
    [window] = digest([], None, sevenDay=line(80, 0, 0)).windows
    assert (window.early_resets, window.weeks) == (None, (Week(at(2), 20),))


def test_accounts_longest_at_a_limit_come_first_then_those_used_most() -> None:
    lines = {
        "idle": [{"sevenDay": 3}] * 3,
        "new": [],
        "busy": [{"sevenDay": 90}] * 3,
        "full": [{"fiveHour": 100, "sevenDay": 10}] * 3,
        "session": [{"fiveHour": 50}] * 3,
    }
    accounts = {
        label: [(to_ms(at(n)), values) for n, values in enumerate(found)]
        for label, found in lines.items()
    }
    found = compute_digest(accounts, [], SPAN, STEP, None).accounts
    assert [each.label for each in found] == ["full", "busy", "session", "idle", "new"]
