"""The values that all other modules use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.domain import json_types
from cldmon.domain.events import Event, EventKind
from cldmon.domain.instants import format_iso, from_iso, from_ms, to_ms
from cldmon.domain.percent import to_displayed_percent
from cldmon.domain.subscriptions import Subscription, Subscriptions
from cldmon.notifications.rules import Audience
from tests.fakes import NOON
from tests.strategies import INSTANT, JSON

if TYPE_CHECKING:
    from collections.abc import Callable


@given(st.floats(0, 1e308) | st.integers(0, 10**30))
def test_a_percentage_is_shown_rounded_and_a_hundred_at_most(percent: float) -> None:
    shown = to_displayed_percent(percent)
    assert 0 <= shown <= 100
    assert abs(Fraction(min(percent, 100)) - shown) <= Fraction(1, 2)


def test_a_half_is_rounded_up() -> None:
    """Not to the even one, as Python's `round` does."""
    for whole in range(100):
        assert to_displayed_percent(whole + 0.5) == whole + 1
        assert to_displayed_percent(whole + 0.49999) == whole


@given(INSTANT)
def test_an_instant_survives_its_text_and_its_milliseconds(at: datetime) -> None:
    assert from_iso(format_iso(at)) == at
    assert from_ms(to_ms(at)) == at


def test_an_instant_is_written_as_javascript_writes_it() -> None:
    plus_two = timezone(timedelta(hours=2))
    assert (
        format_iso(datetime(2026, 3, 12, 4, 47, 15, 95_999, plus_two)) == "2026-03-12T02:47:15.095Z"
    )
    assert format_iso(NOON) == "2026-11-22T12:00:00.000Z"


@settings(max_examples=30)
@given(JSON)
def test_other_values_are_not_instants(value: object) -> None:
    assert from_iso(value) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22",
        "2026-11-22T12:00:00",
        "0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_an_instant_without_a_zone_or_at_the_end_of_the_calendar_is_none(text: str) -> None:
    """Not every zone could represent it."""
    assert from_iso(text) is None


def test_an_instant_is_converted_to_utc() -> None:
    instant = from_iso("2026-11-22T13:00:00+01:00")
    assert instant == NOON
    assert instant is not None
    assert instant.tzinfo is UTC


def test_each_alert_goes_to_its_subscribers() -> None:
    subscriptions = Subscriptions(
        {"U1": {"alice": Subscription(limit_hit=True)}, "U2": {"alice": Subscription(reset=True)}}
    )
    for kind, users in ((EventKind.LIMIT_HIT, ["U1"]), (EventKind.USAGE_RESET, ["U2"])):
        for label, expected in (("alice", users), ("bob", [])):
            event = Event(kind, label, "fiveHour", NOON)
            sent = Audience(subscriptions).address(event)
            assert [message.user for message in sent] == expected


CHECKS = [
    (json_types.check_text, ["", "é 🚀"], [5, None, "\ud800", b"x"]),
    (json_types.check_int, [0, -1, 10**30], [1.0, "1", True, None]),
    (json_types.check_percent, [0, 100], [-1, 101, 5.0, True]),
    (json_types.check_number, [0, 1.5, -1e308], [float("nan"), float("inf"), True, "1"]),
    (json_types.check_bool, [True, False], [0, 1, None, "true"]),
    (json_types.parse_instant, [], ["", "2026-11-22T12:00:00", 5, None]),
]


@pytest.mark.parametrize(("check", "good", "bad"), CHECKS)
def test_a_stored_value_must_have_its_type(
    check: Callable[[object], object], good: list[object], bad: list[object]
) -> None:
    for value in good:
        assert check(value) is value
        assert json_types.optional(check, value) is value
    for value in bad:
        with pytest.raises((TypeError, ValueError)):
            check(value)
    assert json_types.optional(check, None) is None
    assert json_types.parse_instant("2026-11-22T12:00:00.000Z") == NOON
