"""What may honestly be shown of readings that age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from cldmon.domain.forecast import Forecast
from cldmon.domain.honest import is_due, is_stale, level
from cldmon.domain.model import Account, Failure, FailureKind, Reading, Snapshot, Window
from cldmon.domain.names import flatten
from cldmon.domain.view import configured, to_json, view
from tests.strategies import INSTANT, SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FAILED = Failure(FailureKind.TIMEOUT, "no answer in time")


def account(age: timedelta, failure: Failure | None = None) -> Account:
    windows = {"fiveHour": Window(41, NOW + MINUTE), "sevenDay": Window(100, NOW - MINUTE)}
    return Account("alice", Reading(NOW - age, windows), failure)


def shown(*accounts: Account, forecasts: Any = None) -> list[Mapping[str, Any]]:
    snapshot = Snapshot(NOW, accounts, 10 * MINUTE)
    return to_json(snapshot, NOW, forecasts)["accounts"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("minutes", "stale"), [(0, False), (30, False), (31, True), (-31, True)])
def test_a_reading_older_than_three_intervals_is_stale(minutes: int, stale: bool) -> None:
    """And so is one from the future: the clock was set back."""
    assert is_stale(minutes * MINUTE, 10 * MINUTE) is stale
    [seen] = view(Snapshot(NOW, (account(minutes * MINUTE),), 10 * MINUTE), NOW)
    assert (seen.stale, seen.live) == (stale, not stale)


def test_a_reset_is_due_from_its_instant_on() -> None:
    assert is_due(NOW, NOW)
    assert not is_due(NOW + MINUTE, NOW)
    assert not is_due(None, NOW)


def test_a_level_begins_at_its_percent() -> None:
    assert [level(percent) for percent in (0, 74, 75, 89, 90, 100)] == [
        *["normal"] * 2,
        *["warning"] * 2,
        *["critical"] * 2,
    ]


def test_the_json_says_how_old_a_reading_is_and_which_reset_is_due() -> None:
    [entry] = shown(account(5 * MINUTE))
    assert (entry["stale"], entry["ageSeconds"]) == (False, 300)
    assert [entry[name]["resetDue"] for name in ("fiveHour", "sevenDay")] == [False, True]


def test_the_json_says_so_of_the_last_good_reading_of_an_account_in_error() -> None:
    [entry] = shown(account(40 * MINUTE, FAILED))
    assert (entry["stale"], entry["ageSeconds"]) == (True, 2400)
    assert entry["lastGood"]["sevenDay"]["resetDue"]


def test_the_json_of_an_account_that_was_never_read_has_no_age() -> None:
    for never in (Account("x", None), Account("x", None, FAILED)):
        [entry] = shown(never)
        assert (entry["stale"], entry["ageSeconds"], entry["lastGood"]) == (True, None, None)


def test_the_json_has_forecasts_of_live_readings_only() -> None:
    forecasts = {
        ("alice", "fiveHour"): Forecast(NOW + MINUTE, 100),
        ("bob", "fiveHour"): Forecast(None, 3),
    }
    [entry] = shown(account(MINUTE), forecasts=forecasts)
    expected = {"fullAt": "2026-11-22T12:01:00.000Z", "endsAtPercent": 100}
    assert entry["fiveHour"]["forecast"] == expected
    assert entry["sevenDay"]["forecast"] is None
    [stale] = shown(account(40 * MINUTE), forecasts=forecasts)
    assert stale["fiveHour"]["forecast"] is None
    [failed] = shown(account(MINUTE, FAILED), forecasts=forecasts)
    assert failed["lastGood"]["fiveHour"]["forecast"] is None


@given(SNAPSHOT, INSTANT)
def test_the_json_and_the_values_tell_the_same(snapshot: Snapshot, now: datetime) -> None:
    entries = to_json(snapshot, now)["accounts"]
    for entry, seen in zip(entries, view(snapshot, now), strict=True):
        reading = entry if entry["status"] == "ok" else entry["lastGood"] or {}
        if reading is entry:
            reading = {k: v for k, v in entry.items() if k not in ("stale", "ageSeconds")}
        due = {name: window["resetDue"] for name, window in flatten(reading).items()}
        assert entry["stale"] is seen.stale
        assert {window.name: window.due for window in seen.windows}.items() <= due.items()


def test_accounts_are_those_of_the_configuration_in_its_order() -> None:
    """One that no pass has seen is there; one that was removed is not."""
    known = Snapshot(NOW, (account(MINUTE), Account("gone", None, FAILED)))
    found = configured(known, ["new", "alice"]).accounts
    assert found == (Account("new", None), account(MINUTE))
    assert configured(Snapshot(), ["new"]).accounts == ()
