"""Where a window is heading: cases worked by hand, and what holds for all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.forecast import Forecast, compute_forecast
from cldmon.domain.instants import from_ms, to_ms
from cldmon.domain.model import Window

BEGAN = datetime(2026, 3, 12, 9, tzinfo=UTC)
SESSION = timedelta(hours=5)
RESETS = BEGAN + SESSION
WEEK = timedelta(days=7)


def at(hours: float, began: datetime = BEGAN) -> datetime:
    return began + timedelta(hours=hours)


def readings(*pairs: tuple[float, int]) -> list[tuple[int, int]]:
    """Readings given as hours since the window began, and percent."""
    return [(to_ms(at(hours)), percent) for hours, percent in pairs]


def forecast_at(
    series: list[tuple[int, int]], hours: float, duration: timedelta = SESSION
) -> Forecast | None:
    """The forecast this many hours into the window, with the last reading as its newest."""
    window = Window(series[-1][1] if series else 0, BEGAN + duration)
    return compute_forecast(series, window, duration, at(hours))


def test_a_steady_rise_ends_where_the_line_does() -> None:
    """10 % an hour, 20 % after two hours: 50 % after five."""
    assert forecast_at(readings((0, 0), (1, 10), (2, 20)), 2) == Forecast(None, 50)


def test_a_steep_rise_is_full_where_the_line_meets_100() -> None:
    """40 % an hour, 80 % after two hours: the remaining 20 % last half an hour."""
    assert forecast_at(readings((0, 0), (1, 40), (2, 80)), 2) == Forecast(at(2.5), 100)


def test_full_exactly_at_the_reset_counts_as_full() -> None:
    assert forecast_at(readings((0, 0), (1, 20), (2, 40)), 2) == Forecast(RESETS, 100)


def test_an_idle_window_ends_where_it_is() -> None:
    assert forecast_at(readings((0, 30), (1, 30), (2, 30)), 2) == Forecast(None, 30)


def test_a_pause_halves_the_rate_at_most() -> None:
    """30 % in the first hour, then an hour's pause: 15 % an hour overall, 0 recently: 7.5."""
    assert forecast_at(readings((0, 0), (1, 30), (2, 30)), 2) == Forecast(None, 53)  # 30 + 3 * 7.5


def test_a_burst_counts_by_half() -> None:
    """Nothing for three hours, then 20 % in the last: 5 % an hour overall, 20 recently: 12.5."""
    series = readings((0, 0), (1, 0), (2, 0), (3, 0), (4, 20))
    assert forecast_at(series, 4) == Forecast(None, 33)  # 20 + 12.5, rounded half up


def test_a_week_is_seen_by_its_last_whole_day() -> None:
    """Three days of 10 %, then one of 20 %: 12.5 a day overall, 20 recently, three days left."""
    series = readings((0, 0), (24, 10), (48, 20), (72, 30), (84, 30), (90, 45), (96, 50))
    # 50 + 3 * 16.25 = 98.75: not full, and never shown as full
    assert forecast_at(series, 96, WEEK) == Forecast(None, 99)


def test_the_recent_part_reaches_back_over_a_gap() -> None:
    """No reading 43 minutes ago: the one before counts."""
    series = readings((0, 0), (1, 20), (3.9, 20), (4, 40))
    # overall 10 an hour; since 1:00 it rose by 20 in 3 h; since 3:54 there is less than 43 min
    assert forecast_at(series, 4) == Forecast(None, round(40 + (10 + 20 / 3) / 2))


def test_the_line_starts_at_the_last_reading_not_now() -> None:
    """Ten minutes old: 40 % an hour since 2:00 reaches 100 at 2:30 all the same."""
    assert forecast_at(readings((0, 0), (1, 40), (2, 80)), 2 + 1 / 6) == Forecast(at(2.5), 100)


def test_a_forecast_that_time_has_overtaken_is_silent() -> None:
    assert forecast_at(readings((0, 0), (1, 40), (2, 80)), 2.6) is None


def test_readings_from_before_the_window_are_another_window_s() -> None:
    series = readings((-2, 70), (-1, 90), (-0.1, 99), (0, 0), (1, 10), (2, 20))
    assert forecast_at(series, 2) == Forecast(None, 50)
    assert forecast_at(readings((-2, 1), (-1, 2), (1, 10), (2, 20)), 2) is None


def test_a_fall_restarts_the_series() -> None:
    """The limit was raised after two hours: 60 % became 30 %; since then 5 % an hour."""
    series = readings((0, 0), (1, 30), (2, 60), (2.1, 30), (3.1, 35), (4.1, 40))
    # The recent 43 minutes reach back to 3.1: 5 % an hour as well.
    assert forecast_at(series, 4.1) == Forecast(None, 45)  # 40 + 0.9 * 5 = 44.5
    assert forecast_at(series[:-1], 3.1) is None
    lower = compute_forecast(series, Window(20, RESETS), SESSION, at(4.2))
    assert lower is None


def test_a_fall_by_one_is_the_rounding_s() -> None:
    assert forecast_at(readings((0, 11), (1, 10), (2, 10)), 2) == Forecast(None, 10)


def test_silent_with_fewer_than_three_readings() -> None:
    assert forecast_at([], 2) is None
    assert forecast_at(readings((2, 50)), 2) is None
    assert forecast_at(readings((1, 10), (2, 50)), 2) is None


def test_silent_before_a_twentieth_of_the_window_has_passed() -> None:
    """A quarter of an hour of five."""
    series = readings((0.05, 1), (0.1, 2), (0.2, 3))
    assert forecast_at(series, 0.249) is None
    assert forecast_at(series, 0.25) is not None


@pytest.mark.parametrize(
    "window", [Window(100, RESETS), Window(40, None), Window(40, at(2)), Window(40, at(1.9))]
)
def test_silent_where_the_window_is_full_or_does_not_run(window: Window) -> None:
    assert compute_forecast(readings((0, 0), (1, 20), (2, 40)), window, SESSION, at(2)) is None


series = st.lists(
    st.tuples(st.integers(-6 * 3600, 6 * 3600), st.integers(0, 100)), max_size=12
).map(lambda pairs: sorted((to_ms(BEGAN) + s * 1000, percent) for s, percent in pairs))


@given(series, st.integers(0, 100), st.integers(-3600, 6 * 3600))
def test_every_forecast_lies_between_now_and_the_reset(
    known: list[tuple[int, int]], percent: int, seconds: int
) -> None:
    now = BEGAN + timedelta(seconds=seconds)
    result = compute_forecast(known, Window(percent, RESETS), SESSION, now)
    if result is None:
        return
    assert percent <= result.ends_at_percent <= 100
    assert (result.full_at is not None) == (result.ends_at_percent == 100)
    assert result.full_at is None or now < result.full_at <= RESETS


@given(st.lists(st.integers(0, 8), min_size=3, max_size=12), st.integers(1, 4))
def test_faster_use_ends_no_lower_and_no_later(rises: list[int], factor: int) -> None:
    """Two windows read at the same times up to the same percentage, one of them rising faster."""
    slower = forecast_rises(rises)
    faster = forecast_rises([factor * rise for rise in rises])
    assert faster.ends_at_percent >= slower.ends_at_percent
    if slower.full_at:
        assert faster.full_at
        assert faster.full_at <= slower.full_at


def forecast_rises(rises: list[int]) -> Forecast:
    """The forecast of a session that rose like this, reading by reading, up to 60 %."""
    known = readings(*((0.3 * n, max(0, 60 - sum(rises[n + 1 :]))) for n in range(len(rises))))
    result = compute_forecast(known, Window(60, RESETS), SESSION, from_ms(known[-1][0]))
    assert result
    return result
