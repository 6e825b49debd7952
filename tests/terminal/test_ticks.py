"""A time axis is labelled at round times of the reader's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.instants import from_ms, to_ms
from cldmon.terminal.ticks import find_ticks

BERLIN = ZoneInfo("Europe/Berlin")
KATHMANDU = ZoneInfo("Asia/Kathmandu")


def list_labels(since: datetime, hours: float, most: int, zone: ZoneInfo = BERLIN) -> list[str]:
    span = to_ms(since), to_ms(since + timedelta(hours=hours))
    return [label for _, label in find_ticks(*span, most, zone)]


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_an_hour_is_labelled_at_its_quarters() -> None:
    assert list_labels(utc(1, 10, 9, 7), 1, 5) == ["10:15", "10:30", "10:45", "11:00"]


def test_a_day_is_labelled_at_midnight() -> None:
    assert list_labels(utc(1, 10, 14), 20, 5) == ["18:00", "11 Jan", "06:00"]


def test_a_zone_may_be_offset_by_part_of_an_hour() -> None:
    """Kathmandu is 5:45 ahead of UTC."""
    assert list_labels(utc(1, 10, 0), 4, 5, KATHMANDU) == ["06:00", "07:00", "08:00", "09:00"]


def test_when_the_clock_goes_forward_the_hour_that_is_skipped_has_no_label() -> None:
    """In Berlin 01:59 was followed by 03:00 on 29 March 2026."""
    since, until = utc(3, 28, 22, 30), utc(3, 29, 4, 30)
    found = find_ticks(to_ms(since), to_ms(until), 6, BERLIN)
    assert [label for _, label in found] == ["29 Mar", "01:00", "03:00", "04:00", "05:00", "06:00"]
    assert {b - a for (a, _), (b, _) in pairwise(found)} == {3_600_000}


def test_when_the_clock_goes_back_labels_stay_at_even_hours() -> None:
    """In Berlin 02:59 was followed by 02:00 on 25 October 2026."""
    since = utc(10, 24, 21, 30)
    found = find_ticks(to_ms(since), to_ms(since + timedelta(hours=8)), 8, BERLIN)
    shown = [f"{from_ms(ms).astimezone(BERLIN):%H:%M}" for ms, _ in found]
    assert shown == ["00:00", "01:00", "02:00", "03:00", "04:00", "05:00", "06:00"][: len(shown)]
    assert [label for _, label in found][1:] == shown[1:]


def test_days_are_midnights_on_both_sides_of_the_change() -> None:
    found = find_ticks(to_ms(utc(3, 26, 12)), to_ms(utc(4, 1, 12)), 7, BERLIN)
    assert [label for _, label in found][:4] == ["27 Mar", "28 Mar", "29 Mar", "30 Mar"]
    assert {from_ms(ms).astimezone(BERLIN).hour for ms, _ in found} == {0}


def test_long_spans_have_weeks_months_and_years() -> None:
    assert list_labels(utc(1, 1, 0), 24 * 30, 6) == ["5 Jan", "12 Jan", "19 Jan", "26 Jan"]
    assert list_labels(utc(1, 10, 0), 24 * 365, 6)[:3] == ["Apr 2026", "Jul 2026", "Oct 2026"]
    assert list_labels(utc(1, 10, 0), 24 * 365 * 9, 6)[:2] == ["2028", "2030"]


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2060, 1, 1)),  # noqa: DTZ001 - read as UTC below
    st.integers(1, 10**7),
    st.integers(1, 30),
    st.sampled_from([BERLIN, KATHMANDU, ZoneInfo("America/St_Johns"), ZoneInfo("Pacific/Apia")]),
)
def test_ticks_are_few_in_order_and_within_the_span(
    since: datetime, minutes: int, most: int, zone: ZoneInfo
) -> None:
    start = to_ms(since.replace(tzinfo=UTC))
    found = find_ticks(start, start + minutes * 60_000, most, zone)
    stamps = [ms for ms, _ in found]
    assert stamps == sorted(set(stamps))
    assert all(start <= ms <= start + minutes * 60_000 for ms in stamps)
    assert len(found) <= most + 2
