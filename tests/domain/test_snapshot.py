"""The snapshot as JSON: what the API shows and the state keeps."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.domain.model import Account, ExtraUsage, Failure, FailureKind, Reading, Snapshot, Window
from cldmon.domain.names import flatten, nest
from cldmon.domain.snapshot import from_json, to_json
from tests.fakes import DOWN, NOON, windows
from tests.strategies import NAME, SNAPSHOT

READING = Reading(
    taken_at=NOON,
    windows={
        "fiveHour": Window(41, NOON + timedelta(hours=3)),
        "sevenDay": Window(0, None),
        "models.Fable": Window(72, None),
    },
    plan="Max 5x",
    organization="uuid-1",
    extra_usage=ExtraUsage(1275, None, "EUR", 2),
    ignored=1,
)
SHOWN = {
    "fiveHour": {"utilization": 41, "resetsAt": "2026-11-22T15:00:00.000Z"},
    "sevenDay": {"utilization": 0, "resetsAt": None},
    "models": {"Fable": {"utilization": 72, "resetsAt": None}},
    "plan": "Max 5x",
    "organization": "uuid-1",
    "fetchedAt": "2026-11-22T12:00:00.000Z",
    "extraUsage": {"used": 1275, "limit": None, "currency": "EUR", "exponent": 2},
    "ignored": 1,
}
MISSING = {"utilization": None, "resetsAt": None}


def test_a_snapshot_has_the_documented_form() -> None:
    snapshot = Snapshot(NOON, (Account("alice", READING),), timedelta(minutes=5), True)
    assert to_json(snapshot) == {
        "fetchedAt": "2026-11-22T12:00:00.000Z",
        "accounts": [{"label": "alice", "status": "ok", **SHOWN}],
        "refreshIntervalMs": 300_000,
        "slackEnabled": True,
    }


def test_before_the_first_pass_the_snapshot_is_loading() -> None:
    assert to_json(Snapshot()) == {
        "fetchedAt": None,
        "accounts": [],
        "refreshIntervalMs": 600_000,
        "slackEnabled": False,
        "loading": True,
    }


def test_an_account_in_error_has_its_error_instead_of_windows() -> None:
    """Its last good reading stands beside it, where no reader takes it for a live one."""
    failure = Failure(FailureKind.RATE_LIMITED, "rate limited", NOON)
    [entry] = to_json(Snapshot(NOON, (Account("alice", READING, failure),)))["accounts"]
    assert entry == {
        "label": "alice",
        "status": "error",
        "error": "rate limited",
        "errorKind": "rate_limited",
        "retryAt": "2026-11-22T12:00:00.000Z",
        "lastGood": SHOWN,
    }


def test_an_account_that_never_was_read_has_no_last_good_reading() -> None:
    accounts = (Account("alice", None, DOWN), Account("bob", None))
    alice, bob = to_json(Snapshot(NOON, accounts))["accounts"]
    assert (alice["status"], alice["lastGood"]) == ("error", None)
    assert (bob["status"], bob["error"], bob["errorKind"]) == ("error", "not read yet", None)


def test_the_two_documented_windows_are_always_there_and_missing_is_not_zero() -> None:
    reading = Reading(NOON, windows({"sevenDayOpus": 5}))
    snapshot = Snapshot(NOON, (Account("alice", reading),))
    [entry] = to_json(snapshot)["accounts"]
    assert (entry["fiveHour"], entry["sevenDay"]) == (MISSING, MISSING)
    assert from_json(to_json(snapshot)) == snapshot


@settings(max_examples=40)
@given(SNAPSHOT)
def test_any_snapshot_comes_back_as_it_was(snapshot: Snapshot) -> None:
    assert from_json(json.loads(json.dumps(to_json(snapshot)))) == snapshot


@settings(max_examples=40)
@given(st.dictionaries(NAME, st.integers()))
def test_nesting_is_undone_by_flattening(values: dict[str, int]) -> None:
    nested = nest(values)
    assert flatten(nested) == values
    assert not any(name.startswith("models.") for name in nested)


@pytest.mark.parametrize("models", [None, 5, [], "Fable"])
def test_flattening_leaves_out_what_is_no_window(models: object) -> None:
    entry = {"label": "alice", "status": "ok", "fiveHour": 5, "plan": None, "models": models}
    assert flatten(entry) == {"fiveHour": 5}
