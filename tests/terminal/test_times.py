"""Instants and durations for people."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from cldmon.domain.instants import format_clock
from cldmon.domain.model import Failure, FailureKind
from cldmon.terminal.times import (
    format_age,
    format_countdown,
    format_duration,
    format_failure,
    format_timestamps,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY = datetime(2026, 11, 22, 11, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2026, 11, 22, 15, 9, 59, 318402, tzinfo=UTC), "16:10"),
        (datetime(2026, 11, 22, 15, 10, 0, 100, tzinfo=UTC), "16:10"),
        (datetime(2026, 11, 22, 22, 59, tzinfo=UTC), "23:59"),
        (datetime(2026, 11, 22, 23, 0, tzinfo=UTC), "Mon 00:00"),
        (datetime(2026, 11, 28, 22, 0, tzinfo=UTC), "Sat 23:00"),
        (datetime(2026, 11, 29, 11, 0, tzinfo=UTC), "29 Nov 12:00"),
        (datetime(2026, 11, 21, 11, 0, tzinfo=UTC), "21 Nov 12:00"),
        (datetime(2026, 12, 3, 4, 0, tzinfo=UTC), "3 Dec 05:00"),
    ],
)
def test_clock_time_is_in_the_readers_zone_with_the_day_where_it_is_not_today(
    instant: datetime, text: str
) -> None:
    assert format_clock(instant, SUNDAY, BERLIN) == text


@pytest.mark.parametrize(
    ("wait", "text"),
    [
        (timedelta(hours=2), "rate limited (until 14:37)"),
        (timedelta(hours=20), "rate limited (until Mon 08:37)"),
        (timedelta(0), "rate limited"),
        (timedelta(hours=-2), "rate limited"),
        (None, "rate limited"),
    ],
)
def test_a_failure_has_the_time_of_the_next_attempt_in_the_readers_zone(
    wait: timedelta | None, text: str
) -> None:
    retry_at = None if wait is None else SUNDAY + wait
    failure = Failure(FailureKind.RATE_LIMITED, "rate limited", retry_at)
    assert format_failure(failure, SUNDAY, BERLIN) == text


@pytest.fixture(params=["Europe/Berlin", None])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Berlin's time: named, and as the system's."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield request.param and ZoneInfo(request.param)
    monkeypatch.undo()
    time.tzset()


def test_an_hour_that_comes_twice_is_shown_with_its_offset(zone: ZoneInfo | None) -> None:
    instants = [datetime(2026, 10, 25, 0, 15, tzinfo=UTC) + n * timedelta(hours=1) for n in (0, 1)]
    assert format_timestamps(instants, zone) == ["2026-10-25 02:15+02:00", "2026-10-25 02:15+01:00"]
    assert format_timestamps([instants[1], SUNDAY], zone)[1] == "2026-11-22 12:37+01:00"


def test_other_times_are_shown_without_an_offset(zone: ZoneInfo | None) -> None:
    """Also around the skipped hour, and right before and after the one that occurs twice."""
    forth = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
    assert format_timestamps([forth, forth + timedelta(seconds=59, milliseconds=940)], zone) == [
        "2026-03-29 01:59",
        "2026-03-29 03:00",
    ]
    back = datetime(2026, 10, 24, 23, 59, tzinfo=UTC)
    assert format_timestamps([back, back + timedelta(hours=2, minutes=1)], zone) == [
        "2026-10-25 01:59",
        "2026-10-25 03:00",
    ]


def test_clock_time_follows_the_change_of_clocks() -> None:
    saturday = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert format_clock(datetime(2026, 3, 28, 17, tzinfo=UTC), saturday, BERLIN) == "18:00"
    assert format_clock(datetime(2026, 3, 29, 17, tzinfo=UTC), saturday, BERLIN) == "Sun 19:00"


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(hours=2, minutes=14), "2h 14m"),
        (timedelta(hours=2, minutes=13, seconds=59), "2h 14m"),
        (timedelta(days=3, hours=9, minutes=50), "3d 9h"),
        (timedelta(hours=23, minutes=59, seconds=40), "1d"),
        (timedelta(minutes=59), "59m"),
        (timedelta(hours=2), "2h"),
        (timedelta(seconds=20), "<1m"),
        (timedelta(0), "<1m"),
    ],
)
def test_a_countdown_has_two_units(span: timedelta, text: str) -> None:
    assert format_countdown(span) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=20), "20 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(minutes=42, seconds=9), "42 min"),
        (timedelta(minutes=42, seconds=40), "43 min"),
        (timedelta(minutes=119, seconds=40), "2 h"),
        (timedelta(hours=3, minutes=50), "3 h"),
        (timedelta(days=2), "2 d"),
        (-timedelta(minutes=5), "5 min"),
    ],
)
def test_an_age_has_one_unit(span: timedelta, text: str) -> None:
    assert format_duration(span) == text


def test_a_reading_ahead_of_the_clock_is_in_the_future() -> None:
    """A few seconds between two clocks don't count."""
    assert format_age(-timedelta(seconds=2)) == format_age(timedelta(seconds=2)) == "just now"
    assert format_age(-timedelta(seconds=20)) == "20 s ago"
    assert format_age(-timedelta(minutes=9)) == "9 min in the future"
