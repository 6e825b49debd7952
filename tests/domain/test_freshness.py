"""What may be shown of readings as they age."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from cldmon.domain.forecast import Forecast
from cldmon.domain.freshness import build_views, get_level, is_stale, select_accounts
from cldmon.domain.model import Account, Credits, Failure, FailureKind, Reading, Snapshot, Window
from cldmon.domain.usage import usage_to_json
from cldmon.domain.windows import WINDOW_KINDS, flatten
from tests.strategies import INSTANT, SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cldmon.domain.freshness import WindowView

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FAILED = Failure(FailureKind.TIMEOUT, "no answer in time")


def account(age: timedelta, failure: Failure | None = None) -> Account:
    windows = {"fiveHour": Window(41, NOW + MINUTE), "sevenDay": Window(100, NOW - MINUTE / 2)}
    return Account("alice", Reading(NOW - age, windows), failure)


def show(*accounts: Account, forecasts: Any = None) -> list[Mapping[str, Any]]:
    snapshot = Snapshot(NOW, accounts, 10 * MINUTE)
    return usage_to_json(snapshot, NOW, forecasts)["accounts"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("minutes", "stale"), [(0, False), (30, False), (31, True), (-31, True)])
def test_a_reading_older_than_three_intervals_is_stale(minutes: int, stale: bool) -> None:
    """So is one from the future, when the clock was set back."""
    assert is_stale(minutes * MINUTE, 10 * MINUTE) is stale
    [seen] = build_views(Snapshot(NOW, (account(minutes * MINUTE),), 10 * MINUTE), NOW)
    assert (seen.stale, seen.live) == (stale, not stale)


def test_a_reset_is_due_from_its_instant_on_if_the_reading_is_older() -> None:
    [before, at] = (window_read(MINUTE, NOW + later).due for later in (MINUTE, 0 * MINUTE))
    assert (before, at) == (False, True)
    assert not window_read(MINUTE, None).due


@pytest.mark.parametrize("past", [1, 59])
def test_a_reset_that_had_passed_when_it_was_read_is_overdue_not_due(past: int) -> None:
    """The service still reports that window: its percentage is current."""
    window = window_read(5 * MINUTE, NOW - (5 + past) * MINUTE)
    assert (window.due, window.overdue, window.level) == (False, True, "normal")


def window_read(age: timedelta, resets_at: datetime | None) -> WindowView:
    """Return a window, as shown at NOW, that was read some time ago."""
    reading = Reading(NOW - age, {"fiveHour": Window(41, resets_at)})
    [seen] = build_views(Snapshot(NOW, (Account("alice", reading),)), NOW)
    return seen.windows[0]


def test_a_level_begins_at_its_percent_and_is_not_known_once_the_reset_is_due() -> None:
    assert [get_level(percent) for percent in (0, 74, 75, 89, 90, 99, 100)] == [
        *["normal"] * 2,
        *["high"] * 2,
        *["critical"] * 2,
        "full",
    ]
    assert window_read(2 * MINUTE, NOW - MINUTE).level is None


def test_the_windows_are_listed_with_their_titles_in_display_order() -> None:
    windows = {
        "scoped.Cowork": Window(3, None),
        "models.Fable": Window(100, None),
        "sevenDay": Window(80, NOW + MINUTE),
    }
    [entry] = show(Account("alice", Reading(NOW, windows)))
    assert [(w["name"], w["short"], w["level"]) for w in entry["windows"]] == [
        ("sevenDay", "7d", "high"),
        ("scoped.Cowork", "7d Cowork", "normal"),
        ("models.Fable", "7d Fable", "full"),
    ]
    assert entry["windows"][0] == {
        "name": "sevenDay",
        "title": "Weekly: all models",
        "short": "7d",
        "utilization": 80,
        "resetsAt": "2026-11-22T12:01:00.000Z",
        "resetDue": False,
        "resetOverdue": False,
        "forecast": None,
        "level": "high",
    }
    assert entry["scoped"]["Cowork"]["utilization"] == 3


def test_a_documented_window_that_the_account_lacks_is_a_number_and_listed_nowhere() -> None:
    """The Node program's page draws a full bar for null; all others use the list."""
    missing = {"utilization": 0, "resetsAt": None, "missing": True}
    [entry] = show(Account("alice", Reading(NOW, {"sevenDayOpus": Window(5, None)})))
    assert (entry["fiveHour"], entry["sevenDay"]) == (missing, missing)
    assert [window["name"] for window in entry["windows"]] == ["sevenDayOpus"]


def test_an_account_in_error_shows_no_numbers_but_below_its_last_good_reading() -> None:
    money = Credits(1275, 5000, "EUR", 2)
    reading = replace(account(MINUTE).reading, credits=money)  # type: ignore[type-var]
    [entry] = show(Account("alice", reading, FAILED))
    assert (entry["windows"], entry["pools"]) == ([], [])
    assert (entry["credits"], entry["savedResets"]) == (None, None)
    good = entry["lastGood"]
    assert [window["name"] for window in good["windows"]] == ["fiveHour", "sevenDay"]
    assert good["credits"]["used"] == good["extraUsage"]["used"] == 1275
    assert good["fetchedAt"] == "2026-11-22T11:59:00.000Z"


def test_before_the_first_pass_the_json_is_loading() -> None:
    body = usage_to_json(Snapshot(), NOW)
    kinds = body.pop("windowKinds")
    assert body.pop("summary")["accounts"] == 0
    assert body == {
        "fetchedAt": None,
        "staleAt": None,
        "accounts": [],
        "refreshIntervalMs": 600_000,
        "slackEnabled": False,
        "loading": True,
    }
    assert kinds[0] == {"name": "fiveHour", "title": "Current session", "short": "5h"}
    assert [kind["name"] for kind in kinds] == [kind.name for kind in WINDOW_KINDS]


def test_the_json_has_the_age_of_a_reading_and_due_resets() -> None:
    [entry] = show(account(5 * MINUTE))
    assert (entry["stale"], entry["ageSeconds"]) == (False, 300)
    assert [entry[name]["resetDue"] for name in ("fiveHour", "sevenDay")] == [False, True]


def test_the_json_has_the_same_for_the_last_good_reading_of_a_failed_account() -> None:
    [entry] = show(account(40 * MINUTE, FAILED))
    assert (entry["stale"], entry["ageSeconds"]) == (True, 2400)
    assert entry["lastGood"]["sevenDay"]["resetDue"]


def test_the_json_of_an_account_that_was_never_read_has_no_age() -> None:
    for never in (Account("x", None), Account("x", None, FAILED)):
        [entry] = show(never)
        assert (entry["stale"], entry["ageSeconds"], entry["lastGood"]) == (True, None, None)


def test_the_json_has_forecasts_of_live_readings_only() -> None:
    forecasts = {
        ("alice", "fiveHour"): Forecast(NOW + MINUTE, 100),
        ("bob", "fiveHour"): Forecast(None, 3),
    }
    [entry] = show(account(MINUTE), forecasts=forecasts)
    expected = {"fullAt": "2026-11-22T12:01:00.000Z", "endsAtPercent": 100}
    assert entry["fiveHour"]["forecast"] == expected
    assert entry["sevenDay"]["forecast"] is None
    [stale] = show(account(40 * MINUTE), forecasts=forecasts)
    assert stale["fiveHour"]["forecast"] is None
    [failed] = show(account(MINUTE, FAILED), forecasts=forecasts)
    assert failed["lastGood"]["fiveHour"]["forecast"] is None


@given(SNAPSHOT, INSTANT)
def test_the_json_and_the_values_tell_the_same(snapshot: Snapshot, now: datetime) -> None:
    entries = usage_to_json(snapshot, now)["accounts"]
    for entry, seen in zip(entries, build_views(snapshot, now), strict=True):
        reading = entry if entry["status"] == "ok" else entry["lastGood"] or {"windows": []}
        assert entry["stale"] is seen.stale
        for listed, window in zip(reading["windows"], seen.windows, strict=True):
            assert (listed["name"], listed["utilization"]) == (window.name, window.utilization)
            assert (listed["resetDue"], listed["resetOverdue"]) == (window.due, window.overdue)
            nested = flatten({k: v for k, v in reading.items() if k != "windows"})[window.name]
            assert nested.items() <= listed.items()


def test_accounts_are_those_of_the_configuration_in_its_order() -> None:
    """One that no pass has seen is included; one that was removed is not."""
    known = Snapshot(NOW, (account(MINUTE), Account("gone", None, FAILED)))
    found = select_accounts(known, ["new", "alice"]).accounts
    assert found == (Account("new", None), account(MINUTE))
    assert select_accounts(Snapshot(), ["new"]).accounts == ()
