"""The snapshot as JSON, in the API and in the state."""

from __future__ import annotations

import json
from datetime import timedelta

from hypothesis import given, settings

from cldmon.domain.model import (
    Account,
    Credits,
    Failure,
    FailureKind,
    Pool,
    Reading,
    Snapshot,
    Window,
)
from cldmon.domain.snapshot import from_json, to_json
from tests.fakes import DOWN, NOON
from tests.strategies import SNAPSHOT

READING = Reading(
    taken_at=NOON,
    windows={
        "fiveHour": Window(41, NOON + timedelta(hours=3)),
        "sevenDay": Window(0, None),
        "models.Fable": Window(72, None),
    },
    plan="Max 5x",
    organization="uuid-1",
    credits=Credits(1275, None, "EUR", 2),
    ignored=1,
)
STORED = {
    "fiveHour": {"utilization": 41, "resetsAt": "2026-11-22T15:00:00.000Z"},
    "sevenDay": {"utilization": 0, "resetsAt": None},
    "models": {"Fable": {"utilization": 72, "resetsAt": None}},
    "plan": "Max 5x",
    "organization": "uuid-1",
    "fetchedAt": "2026-11-22T12:00:00.000Z",
    "credits": {
        "used": 1275,
        "limit": None,
        "currency": "EUR",
        "exponent": 2,
        "enabled": True,
        "reason": None,
        "shared": False,
    },
    "pools": [],
    "savedResets": None,
    "ignored": 1,
    "source": "browser",
}
OLD = {
    "fiveHour": {"utilization": None, "resetsAt": None},
    "sevenDay": {"utilization": 7, "resetsAt": None},
    "models": {"Fable": {"utilization": 72, "resetsAt": None}},
    "cinderCove": {"utilization": 100, "resetsAt": "2026-11-22T15:00:00.000Z"},
    "plan": "Max 5x",
    "organization": "uuid-1",
    "fetchedAt": "2026-11-22T12:00:00.000Z",
    "extraUsage": {"used": 1275, "limit": None, "currency": "EUR", "exponent": 2},
    "ignored": 1,
}
"""A reading as stored by versions without credit pools."""


def test_a_snapshot_has_the_documented_form() -> None:
    snapshot = Snapshot(NOON, (Account("alice", READING),), timedelta(minutes=5), True)
    assert to_json(snapshot) == {
        "fetchedAt": "2026-11-22T12:00:00.000Z",
        "accounts": [{"label": "alice", "status": "ok", **STORED, "reportsOnly": False}],
        "refreshIntervalMs": 300_000,
        "slackEnabled": True,
    }


def test_an_account_in_error_has_its_error_instead_of_windows() -> None:
    """Its last good reading is stored separately, so that no reader takes it for a live one."""
    failure = Failure(FailureKind.RATE_LIMITED, "rate limited", NOON)
    [entry] = to_json(Snapshot(NOON, (Account("alice", READING, failure),)))["accounts"]
    assert entry == {
        "label": "alice",
        "reportsOnly": False,
        "status": "error",
        "error": "rate limited",
        "errorKind": "rate_limited",
        "retryAt": "2026-11-22T12:00:00.000Z",
        "attempts": 1,
        "lastGood": STORED,
    }


def test_an_account_that_never_was_read_has_no_last_good_reading() -> None:
    accounts = (Account("alice", None, DOWN), Account("bob", None))
    alice, bob = to_json(Snapshot(NOON, accounts))["accounts"]
    assert (alice["status"], alice["lastGood"]) == ("error", None)
    assert (bob["status"], bob["error"], bob["errorKind"]) == ("error", "not read yet", None)


def test_a_reading_of_an_older_cldmon_is_read_without_loss() -> None:
    """A credit pool that was stored as a window is a pool now."""
    body = to_json(Snapshot(NOON, (Account("alice", READING),)))
    body["accounts"] = [{"label": "alice", "status": "ok", **OLD}]
    [account] = from_json(body).accounts
    assert account.reading == Reading(
        NOON,
        {"sevenDay": Window(7, None), "models.Fable": Window(72, None)},
        "Max 5x",
        "uuid-1",
        Credits(1275, None, "EUR", 2),
        (Pool("cinderCove", "Cinder cove", None, None, 100, NOON + timedelta(hours=3)),),
        None,
        1,
    )


@settings(max_examples=40)
@given(SNAPSHOT)
def test_any_snapshot_comes_back_as_it_was(snapshot: Snapshot) -> None:
    assert from_json(json.loads(json.dumps(to_json(snapshot)))) == snapshot
