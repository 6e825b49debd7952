"""The ticks of a time axis in several time zones, computed by a real browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cldmon.domain.instants import from_ms, to_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.browser.server import ServerFixture

MINUTE = 60_000
DAY = 1440 * MINUTE
STEPS = [minutes * MINUTE for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)]
DAY_STEPS = [days * DAY for days in (1, 2, 3, 7, 14, 28, 56)]
FIRST = to_ms(datetime(2026, 1, 1, tzinfo=UTC))
ZONES = [
    "Europe/Berlin",
    "America/Havana",  # where the clock changes at midnight
    "Asia/Kolkata",  # 5:30 from UTC
    "Asia/Kathmandu",  # 5:45
    "Australia/Lord_Howe",  # changes by half an hour
    "Pacific/Chatham",  # 12:45, and changes
]


@pytest.fixture(params=ZONES, scope="module")
def zone(request: pytest.FixtureRequest) -> ZoneInfo:
    return ZoneInfo(request.param)


@pytest.fixture(scope="module")
def page(zone: ZoneInfo, chromium: Browser, server: ServerFixture) -> Iterator[Page]:
    """A page in a time zone."""
    with chromium.new_context(locale="en-GB", timezone_id=zone.key) as context:
        page = context.new_page()
        page.goto(server.url)
        page.evaluate("async () => { globalThis.ticks = await import('/js/ticks.js') }")
        yield page


def find_clock_changes(zone: ZoneInfo) -> list[int]:
    """Return the days of 2026, in ms, on which the clock changes."""
    days = [FIRST + n * DAY for n in range(366)]
    offsets = [from_ms(day).astimezone(zone).utcoffset() for day in days]
    return [days[n] for n in range(365) if offsets[n] != offsets[n + 1]]


def is_day_start(ms: int, zone: ZoneInfo) -> bool:
    """Return whether a day begins now."""
    before, at = (from_ms(each).astimezone(zone).date() for each in (ms - 1, ms))
    return before != at


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_ticks_are_at_whole_minutes_hours_and_days_of_the_clock(
    page: Page, zone: ZoneInfo, data: st.DataObject
) -> None:
    """At every zoom, also when the clock changes, and without a hole."""
    anchor = data.draw(st.sampled_from([FIRST + 40 * DAY, *find_clock_changes(zone)]))
    span = data.draw(st.one_of(st.integers(5 * MINUTE, DAY), st.integers(DAY, 42 * DAY)))
    begin = anchor + data.draw(st.integers(-span, 2 * DAY))
    most = data.draw(st.integers(3, 30))
    ticks = page.evaluate("given => ticks.computeTicks(...given)", [begin, begin + span, most])
    step = next(each for each in [*STEPS, *DAY_STEPS] if each >= span / most)
    edges = [begin, *ticks, begin + span]
    assert edges == sorted(edges)
    assert all(a < b for a, b in pairwise(ticks))
    assert len(ticks) <= most + 2
    assert all(b - a <= 2 * step for a, b in pairwise(edges))
    for tick in ticks:
        at = from_ms(tick).astimezone(zone)
        assert (at.second, at.microsecond) == (0, 0)
        since_midnight = timedelta(hours=at.hour, minutes=at.minute)
        whole = step < DAY and since_midnight % timedelta(milliseconds=step) == timedelta()
        assert whole or is_day_start(tick, zone)


def test_weeks_begin_on_monday(page: Page, zone: ZoneInfo) -> None:
    ticks = page.evaluate("given => ticks.computeTicks(...given)", [FIRST, FIRST + 40 * DAY, 6])
    assert {from_ms(tick).astimezone(zone).strftime("%a") for tick in ticks} == {"Mon"}
    assert len(ticks) in (5, 6)
