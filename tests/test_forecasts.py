"""Each running window of each live account has its forecast."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cldmon.domain.forecast import Forecast
from cldmon.domain.model import Account, Failure, FailureKind, Reading, Snapshot, Window
from cldmon.forecasts import compute_forecasts
from cldmon.store import history

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)
SESSION_BEGAN = NOW - timedelta(hours=2)
WEEK_BEGAN = NOW - timedelta(days=4)
FIVE_HOUR = Window(20, SESSION_BEGAN + timedelta(hours=5))
SEVEN_DAY = Window(80, WEEK_BEGAN + timedelta(days=7))
READING = Reading(NOW, {"fiveHour": FIVE_HOUR, "sevenDay": SEVEN_DAY, "models.Fable": SEVEN_DAY})


def passes(folder: Path) -> None:
    """A line every ten minutes of a week: both windows rise steadily, 10 % an hour, 20 % a day."""
    written = history.History(folder)
    at = NOW - timedelta(days=7)
    while at <= NOW:
        session = round(max(0, (at - SESSION_BEGAN) / timedelta(hours=1) * 10))
        week = round(max(0, (at - WEEK_BEGAN) / timedelta(days=1) * 20))
        values = {"fiveHour": session, "sevenDay": week, "models.Fable": week, "codeName": 5}
        windows = {name: Window(percent, None) for name, percent in values.items()}
        written.ensure(history.format_line(at, {"alice": windows}))
        at += TEN_MINUTES


def one(reading: Reading, failure: Failure | None = None) -> Snapshot:
    return Snapshot(NOW, (Account("alice", reading, failure),), TEN_MINUTES)


def test_each_running_window_is_forecast_from_its_own_history(tmp_path: Path) -> None:
    passes(tmp_path)
    found = compute_forecasts(tmp_path, one(READING), NOW)
    assert found["alice", "fiveHour"] in [Forecast(None, percent) for percent in (49, 50, 51)]
    full = found["alice", "sevenDay"].full_at
    assert full
    assert abs(full - (NOW + timedelta(days=1))) < timedelta(hours=1)
    assert found["alice", "models.Fable"] == found["alice", "sevenDay"]


def test_windows_of_unknown_length_and_idle_ones_have_none(tmp_path: Path) -> None:
    passes(tmp_path)
    idle = Reading(NOW, {"codeName": SEVEN_DAY, "sevenDay": Window(0, None)})
    assert compute_forecasts(tmp_path, one(idle), NOW) == {}


def test_accounts_in_error_or_long_unread_have_none(tmp_path: Path) -> None:
    passes(tmp_path)
    failure = Failure(FailureKind.TIMEOUT, "no answer")
    assert compute_forecasts(tmp_path, one(READING, failure), NOW) == {}
    assert compute_forecasts(tmp_path, one(READING), NOW + timedelta(minutes=31)) == {}
    assert compute_forecasts(tmp_path, Snapshot(NOW, (Account("alice", None),)), NOW) == {}


def test_without_history_there_is_no_forecast(tmp_path: Path) -> None:
    assert compute_forecasts(tmp_path, one(READING), NOW) == {}


def test_the_line_of_the_reading_s_own_pass_is_no_further_reading(tmp_path: Path) -> None:
    """Two earlier passes and the reading make three; one and the reading do not."""
    written = history.History(tmp_path)
    for minutes, percent in ((60, 10), (-0.5, 20)):
        at = NOW - timedelta(minutes=minutes)
        written.ensure(history.format_line(at, {"alice": {"fiveHour": Window(percent, None)}}))
    now = NOW + timedelta(minutes=1)
    assert ("alice", "fiveHour") not in compute_forecasts(tmp_path, one(READING), now)
