"""Spans of time are parsed as people write them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.ranges import Span, choose_default_windows, parse_range, parse_span
from cldmon.errors import UsageError

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1h", timedelta(hours=1)),
        ("5h", timedelta(hours=5)),
        ("1d", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("2w", timedelta(weeks=2)),
        ("90m", timedelta(minutes=90)),
        (" 7D ", timedelta(days=7)),
    ],
)
def test_a_range_is_a_number_and_a_unit(text: str, length: timedelta) -> None:
    assert parse_range(text) == length


@pytest.mark.parametrize("text", ["", "h", "1", "0h", "-1h", "1.5h", "1y", "1h1m", "999999w", "٣h"])
def test_anything_else_is_refused_with_the_valid_ones(text: str) -> None:
    with pytest.raises(UsageError, match="; use 1h, 5h, 1d, 7d, 30d or"):
        parse_range(text)


def parse_ends(
    length: str | None = None,
    since: str | None = None,
    until: str | None = None,
    zone: ZoneInfo = BERLIN,
) -> Span:
    return parse_span(length, since, until, NOW, zone)


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def test_without_ends_a_span_ends_now() -> None:
    assert parse_ends() == Span(NOW - timedelta(hours=5), NOW)
    assert parse_ends("7d") == Span(NOW - timedelta(days=7), NOW)
    assert parse_ends("7d").length == timedelta(days=7)


def test_times_without_a_zone_are_the_user_s_on_both_sides_of_a_change_of_clocks() -> None:
    """Berlin was an hour ahead of UTC on the 28th, and is two ahead from the 29th on."""
    assert parse_ends(since="2026-03-28T09:30") == Span(utc(28, 8, 30), NOW)
    assert parse_ends(since="2026-03-29 09:30") == Span(utc(29, 7, 30), NOW)
    assert parse_ends(since="2026-03-28", until="2026-03-28") == Span(utc(27, 23), utc(28, 23))


def test_no_span_ends_later_than_now() -> None:
    assert parse_ends(since="2026-03-29", until="2026-03-29") == Span(utc(28, 23), NOW)
    assert parse_ends("1d", until="2027-01-01") == Span(NOW - timedelta(days=1), NOW)


def test_a_zone_in_the_text_counts() -> None:
    assert parse_ends(since="2026-03-28T09:30Z") == Span(utc(28, 9, 30), NOW)
    assert parse_ends(since="2026-03-28T09:30-05:00") == Span(utc(28, 14, 30), NOW)


def test_without_a_zone_of_the_user_the_system_s_counts() -> None:
    local = datetime(2026, 3, 28, 9, 30).astimezone(UTC)
    assert parse_span(None, "2026-03-28T09:30", None, NOW, None).since == local


def test_an_end_may_be_relative() -> None:
    assert parse_ends(since="2d ago", until="1d") == Span(
        NOW - timedelta(days=2), NOW - timedelta(days=1)
    )


def test_one_end_and_a_length_make_a_span() -> None:
    assert parse_ends("1d", since="2026-03-20T00:00Z") == Span(utc(20, 0), utc(21, 0))
    assert parse_ends("1d", since="2026-03-29T00:00Z") == Span(utc(29, 0), NOW)
    assert parse_ends("1d", until="2026-03-21T00:00Z") == Span(utc(20, 0), utc(21, 0))
    assert parse_ends(until="2026-03-21T00:00Z") == Span(utc(20, 19), utc(21, 0))


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "12", "1969-01-01", "9999-12-31", ""])
def test_an_invalid_time_is_quoted(text: str) -> None:
    with pytest.raises(UsageError, match=r"invalid time .*; use one such as 2026-03-12"):
        parse_ends(since=text or " ")


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(UsageError, match="ends before it begins"):
        parse_ends(since="1d", until="2d")


def test_a_length_and_both_ends_are_refused() -> None:
    with pytest.raises(UsageError, match="give at most two"):
        parse_ends("1d", since="2d", until="1d")


@given(st.text(max_size=12))
def test_any_text_is_a_time_or_a_usage_error(text: str) -> None:
    with suppress(UsageError):
        assert parse_ends(since=text or "1d").since < NOW


def test_the_session_is_shown_up_to_five_hours() -> None:
    names = ["fiveHour", "sevenDay", "models.Fable"]
    assert choose_default_windows(names, timedelta(hours=1)) == names
    assert choose_default_windows(names, timedelta(hours=5)) == names
    assert choose_default_windows(names, timedelta(days=1)) == names[1:]
    assert choose_default_windows(names, timedelta(days=7)) == names[1:]
