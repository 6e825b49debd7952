"""How reports of several machines, and the service's own answers, become one reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.model import BROWSER, REPORT, Reading, Window
from cldmon.domain.reports import MAX_WINDOWS, Origin, Report, merge
from tests.fakes import NOON

RESETS = NOON + timedelta(hours=3)
LONGEST = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)


def report(
    minute: float,
    percent: int = 41,
    machine: str = "a",
    resets: datetime | None = RESETS,
    **more: int,
) -> Report:
    at = NOON + minute * MINUTE
    windows = {"fiveHour": Window(percent, resets)}
    windows |= {name: Window(value, resets) for name, value in more.items()}
    return Report("alice", machine, at, at, windows)


@dataclass
class Account:
    """What is known of an account from pass to pass."""

    reading: Reading | None = None
    origins: dict[str, Origin] = field(default_factory=dict)

    def take(self, *reports: Report) -> list[str] | None:
        """Merge reports as a pass does; return the windows that they changed or confirmed."""
        merged = merge(self.reading, self.origins, reports, LONGEST)
        if merged is None:
            return None
        self.reading, self.origins = merged.reading, dict(merged.origins)
        return sorted(merged.news)

    @property
    def percents(self) -> dict[str, int]:
        assert self.reading
        return {name: window.utilization for name, window in self.reading.windows.items()}


def test_a_report_becomes_a_reading_of_its_own_time() -> None:
    account = Account()
    assert account.take(report(0, sevenDay=63)) == ["fiveHour", "sevenDay"]
    assert account.reading == Reading(
        NOON, {"fiveHour": Window(41, RESETS), "sevenDay": Window(63, RESETS)}, source=REPORT
    )


@pytest.mark.parametrize("minute", [-5, 0])
def test_a_report_that_is_not_newer_changes_nothing(minute: float) -> None:
    account = Account()
    account.take(report(0))
    assert account.take(report(minute, 99, "b")) is None


def test_a_newer_report_replaces_the_services_own_answer_though_lower() -> None:
    account = Account(Reading(NOON, {"fiveHour": Window(60, RESETS)}, "Max", "org", source=BROWSER))
    account.take(report(1, 41))
    assert account.reading == Reading(
        NOON + MINUTE, {"fiveHour": Window(41, RESETS)}, "Max", "org", source=REPORT
    )


@pytest.mark.parametrize(
    ("second", "taken"),
    [
        (report(1, 41, "b"), False),
        (report(9.9, 41, "b"), False),
        (report(10, 41, "b"), True),
        (report(1, 41, "a"), True),
        (report(1, 60, "b"), True),
        (report(1, 61, "b"), True),
        (report(1, 41, "b", RESETS + timedelta(minutes=2)), False),
        (report(1, 41, "b", RESETS + timedelta(minutes=3)), True),
        (report(1, 41, "b", None), True),
    ],
)
def test_a_lower_value_of_another_machine_is_taken_ten_minutes_later(
    second: Report, taken: bool
) -> None:
    account = Account()
    account.take(report(0, 60))
    assert account.take(second) == (["fiveHour"] if taken else [])
    assert account.percents == {"fiveHour": second.windows["fiveHour"].utilization if taken else 60}
    assert account.reading
    assert account.reading.taken_at == second.read_at


def test_a_machine_that_still_shows_an_old_window_does_not_bring_it_back() -> None:
    account = Account()
    account.take(report(0, 12))
    assert account.take(report(1, 95, "b", NOON - timedelta(hours=2))) == []
    assert account.percents == {"fiveHour": 12}


def test_a_limit_that_a_report_does_not_mention_is_kept_for_a_while() -> None:
    account = Account()
    account.take(report(0, sevenDayOpus=30))
    assert account.take(report(20)) == ["fiveHour"]
    assert account.percents == {"fiveHour": 41, "sevenDayOpus": 30}
    account.take(report(31))
    assert account.percents == {"fiveHour": 41}


def test_a_limit_that_has_reset_meanwhile_is_not_kept() -> None:
    account = Account()
    account.take(report(0, resets=NOON + 5 * MINUTE, sevenDay=30))
    account.take(report(6, resets=RESETS))
    assert account.percents == {"fiveHour": 41}


def test_reports_of_one_pass_are_taken_in_the_order_of_their_times() -> None:
    account = Account()
    account.take(report(2, 41, "b"), report(1, 60, "a"))
    assert account.percents == {"fiveHour": 60}


READS = st.tuples(
    st.sampled_from(["a", "b", "service"]),
    st.integers(0, 15),
    st.integers(0, 100),
    st.sampled_from([RESETS, RESETS + timedelta(hours=5), None]),
)


@given(st.lists(READS, max_size=12), st.integers(1, 4))
def test_two_machines_and_the_service_agree_with_the_model(
    reads: list[tuple[str, int, int, datetime | None]], size: int
) -> None:
    """The model follows the contract's sentence, one value at a time, with its own bookkeeping."""
    account = Account()
    shown: tuple[int, int, datetime | None, str] | None = None  # minute, percent, reset, from
    last, value_at, minute = -1, 0, 0
    pending: list[Report] = []
    for number, (who, later, percent, resets) in enumerate(reads):
        minute += later
        if who == "service":
            account.take(*pending)
            pending = []
            account.reading = Reading(NOON + minute * MINUTE, {"fiveHour": Window(percent, resets)})
            account.origins = {}
            shown, last, value_at = (minute, percent, resets, who), minute, minute
            continue
        if minute > last:
            pending.append(report(minute, percent, who, resets))
            lower = (
                shown is not None
                and shown[3] not in ("service", who)
                and shown[2] == resets
                and percent < shown[1]
                and minute - value_at < 10
            )
            if not lower:
                shown, value_at = (minute, percent, resets, who), minute
            last = minute
        if number % size == 0:
            account.take(*pending)
            pending = []
    account.take(*pending)
    if shown and account.reading and not _over(shown, value_at, last):
        assert account.reading.windows["fiveHour"] == Window(shown[1], shown[2])
        assert account.reading.taken_at == NOON + last * MINUTE


def _over(shown: tuple[int, int, datetime | None, str], value_at: int, last: int) -> bool:
    """Return whether a value is no longer kept: its window reset since, or it is too old."""
    ended = shown[2] is not None and value_at < (shown[2] - NOON) / MINUTE <= last
    return ended or last - value_at > LONGEST / MINUTE


def test_the_windows_of_an_account_are_bounded_under_any_names() -> None:
    account = Account()
    for minute in range(9):
        invented = {f"models.{minute}-{number}": number for number in range(MAX_WINDOWS - 1)}
        account.take(report(minute, 41 + minute, f"m{minute}", RESETS, **invented))
        assert len(account.percents) == len(account.origins) == MAX_WINDOWS
        assert account.percents["fiveHour"] == 41 + minute
