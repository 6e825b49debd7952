"""Usage answers of the simulated claude.ai: they have the shapes of the real ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cldmon.claude.usage import parse
from cldmon.domain.model import Credits, Pool, SavedResets
from tests import captures
from tests.fakes import NOON
from tests.simulation.usage_json import credit_pool, saved_resets, usage, usage_credits

AT = datetime(2026, 11, 22, 15, 9, 59, 318402, tzinfo=UTC)
INSTANT = "2026-11-22T15:09:59.318402+00:00"


def keys(value: Any) -> Any:
    """Return the keys of a value and of those within it; of a list those of its last entry."""
    if isinstance(value, dict):
        return {key: keys(each) for key, each in value.items()}
    return keys(value[-1]) if isinstance(value, list) and value else None


@pytest.mark.parametrize(
    ("capture", "part", "simulated"),
    [
        ("pro-plain", None, usage(3, 12, {"Fable": 0}, weekly_scoped_shares=[])),
        ("credits-off", "extra_usage", usage_credits(5, 7, disabled="x")["extra_usage"]),
        ("credits-off", "spend", usage_credits(5, 7, disabled="x")["spend"]),
        ("ultra-without-session", "iguana_necktie", credit_pool(61.2, 250, AT)),
        ("saved-resets", "cedar_ember", saved_resets(AT, weekly_resets=AT)),
    ],
)
def test_the_keys_are_those_of_the_real_service(
    capture: str, part: str | None, simulated: Any
) -> None:
    real = captures.load(capture)["usage"]
    if part is None:
        real["weekly_scoped_shares"] = []
    assert keys(simulated) == keys(real[part] if part else real)


def test_a_usage_body_says_each_window_flat_and_as_a_limit() -> None:
    body = usage(41, 63, {"Fable": 76}, AT, AT)
    assert (body["five_hour"]["utilization"], body["five_hour"]["resets_at"]) == (41.0, INSTANT)
    assert [(limit["kind"], limit["group"], limit["percent"]) for limit in body["limits"]] == [
        ("session", "session", 41),
        ("weekly_all", "weekly", 63),
        ("weekly_scoped", "weekly", 76),
    ]
    assert body["limits"][2] == {
        "kind": "weekly_scoped",
        "group": "weekly",
        "percent": 76,
        "severity": "warning",
        "resets_at": INSTANT,
        "scope": {"model": {"id": None, "display_name": "Fable"}, "surface": None},
        "is_active": True,
    }


@pytest.mark.parametrize("body", [usage(0, 0), usage(50, 50, {"Fable": 50}), usage(None, 7)])
def test_one_limit_at_most_is_the_active_one(body: dict[str, Any]) -> None:
    active = [limit["kind"] for limit in body["limits"] if limit["is_active"]]
    highest = max(limit["percent"] for limit in body["limits"])
    assert len(active) == (highest > 0)


def test_an_idle_session_has_no_reset_unless_one_is_given() -> None:
    assert usage(0)["five_hour"]["resets_at"] is None
    assert usage(0, five_hour_resets=AT)["five_hour"]["resets_at"] == INSTANT


def test_an_account_without_windows_has_nulls_and_no_limits() -> None:
    body = usage(None, None)
    assert (body["five_hour"], body["seven_day"], body["limits"]) == (None, None, [])


def test_instants_not_given_are_to_come_and_have_microseconds() -> None:
    body = usage()
    for window in ("five_hour", "seven_day"):
        text = body[window]["resets_at"]
        assert datetime.fromisoformat(text) > datetime.now(UTC)
        assert len(text) == len(INSTANT)


def test_further_keys_add_to_or_replace_those_of_the_body() -> None:
    body = usage(quartz_lamp=None, **usage_credits(1275, 5000))
    assert "quartz_lamp" in body
    assert body["extra_usage"]["utilization"] == 25.5
    assert body["spend"]["limit"] == {"amount_minor": 5000, "currency": "EUR", "exponent": 2}


@pytest.mark.parametrize(
    ("body", "money"),
    [
        (usage(), None),
        (usage_credits(1275, 5000), Credits(1275, 5000, "EUR", 2)),
        (usage_credits(5, None, "USD"), Credits(5, None, "USD", 2)),
        (
            usage_credits(5, 5, disabled="out_of_credits"),
            Credits(5, 5, "EUR", 2, enabled=False, reason="out_of_credits"),
        ),
    ],
)
def test_money_is_read_as_it_was_meant(body: dict[str, Any], money: Credits | None) -> None:
    reading = parse(body, taken_at=NOON)
    assert reading
    assert (reading.credits, reading.ignored) == (money, 0)


def test_pools_and_saved_resets_are_read_as_they_were_meant() -> None:
    soon, late = AT + timedelta(days=1), AT + timedelta(days=9)
    body = usage(
        iguana_necktie=credit_pool(250, 250, AT, label="Welcome credit"),
        cedar_ember=saved_resets(late, soon, weekly_resets=AT),
    )
    reading = parse(body, taken_at=NOON)
    assert reading
    assert reading.pools == (Pool("iguanaNecktie", "Welcome credit", 25000, 25000, 100, AT),)
    assert (reading.saved_resets, reading.ignored) == (SavedResets(2, soon), 0)
