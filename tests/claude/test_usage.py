"""The service's usage answer: what is understood becomes a reading, the rest is counted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.claude.usage import parse
from cldmon.domain.freshness import build_views
from cldmon.domain.model import Account, Credits, Pool, Reading, SavedResets, Snapshot, Window
from cldmon.domain.ports import Organization
from cldmon.domain.snapshot import from_json, to_json
from cldmon.domain.text import is_printable
from cldmon.domain.windows import short_title
from cldmon.terminal.status import Page, format_table
from cldmon.terminal.style import Terminal
from tests.fakes import NOON
from tests.strategies import JSON

SOON = "2026-11-22T15:09:59.318402+00:00"
WEEK = "2026-11-25T22:00:00.318431+00:00"
SOON_AT = datetime(2026, 11, 22, 15, 9, 59, 318402, tzinfo=UTC)
WEEK_AT = datetime(2026, 11, 25, 22, 0, 0, 318431, tzinfo=UTC)
COMPOSED: dict[str, Any] = {
    "five_hour": {"utilization": 41.0, "resets_at": SOON},
    "seven_day": {"utilization": 63.0, "resets_at": WEEK},
    "seven_day_opus": None,
    "seven_day_sonnet": None,
    "iguana_necktie": None,
    "nimbus_quill": {"utilization": 0.0, "resets_at": None},
    "extra_usage": {
        "is_enabled": True,
        "monthly_limit": 5000,
        "used_credits": 1275.0,
        "utilization": 25.5,
        "currency": "EUR",
        "decimal_places": 2,
    },
    "limits": [
        {"kind": "session", "percent": 41, "resets_at": SOON, "scope": None},
        {"kind": "weekly_all", "percent": 63, "resets_at": WEEK, "scope": None},
        {
            "kind": "weekly_scoped",
            "percent": 72,
            "resets_at": WEEK,
            "scope": {"model": {"id": None, "display_name": "Fable"}, "surface": None},
            "is_active": True,
        },
    ],
    "spend": {"used": {"amount_minor": 1275, "currency": "EUR", "exponent": 2}, "percent": 25},
}
WINDOW_JSON = st.fixed_dictionaries({"utilization": JSON, "resets_at": JSON})
NAME_JSON = JSON | st.sampled_from(["Fable", "All models", "\x1b[2J"])
SCOPE_JSON = st.fixed_dictionaries(
    {},
    optional={
        "model": JSON | st.fixed_dictionaries({}, optional={"display_name": NAME_JSON, "id": JSON}),
        "surface": NAME_JSON | st.fixed_dictionaries({"display_name": NAME_JSON}),
    },
)
LIMIT_JSON = st.fixed_dictionaries(
    {
        "kind": JSON | st.sampled_from(["session", "weekly_all", "weekly_scoped", "monthly"]),
        "percent": JSON,
        "resets_at": JSON | st.sampled_from([SOON, 1_763_823_000]),
        "scope": JSON | SCOPE_JSON,
    }
)
MONEY_JSON = JSON | st.fixed_dictionaries(
    {"amount_minor": JSON, "currency": JSON | st.just("EUR"), "exponent": JSON}
)
SPEND_JSON = st.fixed_dictionaries(
    {},
    optional={
        "used": MONEY_JSON,
        "limit": MONEY_JSON,
        "cap": JSON | st.fixed_dictionaries({"money": MONEY_JSON}),
        "enabled": JSON,
        "disabled_reason": NAME_JSON,
    },
)
POOL_JSON = st.fixed_dictionaries(
    {},
    optional={
        "utilization": JSON,
        "limit_dollars": JSON,
        "used_dollars": JSON,
        "resets_at": JSON,
        "label": NAME_JSON,
    },
)
GRANT_JSON = JSON | st.fixed_dictionaries({"resets_left": JSON, "ends_at": JSON | st.just(SOON)})
LOOKALIKE = st.fixed_dictionaries(
    {},
    optional={
        "five_hour": JSON | WINDOW_JSON,
        "seven_day": JSON | WINDOW_JSON,
        "seven_day_opus": JSON | WINDOW_JSON,
        "extra_usage": JSON
        | st.dictionaries(st.sampled_from(sorted(COMPOSED["extra_usage"])), JSON | st.just(True)),
        "limits": JSON | st.lists(LIMIT_JSON, max_size=3),
        "spend": JSON | SPEND_JSON,
        "iguana_necktie": JSON | POOL_JSON,
        "new_pool": POOL_JSON,
        "cedar_ember": JSON
        | st.fixed_dictionaries({"grants": JSON | st.lists(GRANT_JSON, max_size=3)}),
        "label": WINDOW_JSON,
        "models": WINDOW_JSON,
    },
)
SPENT = Credits(1275, 5000, "EUR", 2)


def off(reason: str) -> Credits:
    return replace(SPENT, enabled=False, reason=reason)


def read(answer: object) -> Reading:
    reading = parse(answer, taken_at=NOON)
    assert reading is not None
    return reading


def five_hour(utilization: object) -> Reading | None:
    return parse({"five_hour": {"utilization": utilization, "resets_at": SOON}}, taken_at=NOON)


def build_scoped(name: object, percent: object = 5) -> dict[str, object]:
    model = {"model": {"display_name": name}}
    return {"kind": "weekly_scoped", "percent": percent, "resets_at": WEEK, "scope": model}


def test_the_composed_example_is_read_whole() -> None:
    reading = parse(COMPOSED, taken_at=NOON, organization=Organization("uuid-1", "Max 5x"))
    assert reading == Reading(
        taken_at=NOON,
        windows={
            "fiveHour": Window(41, SOON_AT),
            "sevenDay": Window(63, WEEK_AT),
            "models.Fable": Window(72, WEEK_AT),
        },
        plan="Max 5x",
        organization="uuid-1",
        credits=Credits(used=1275, limit=5000, currency="EUR", exponent=2),
        ignored=0,
    )


@settings(max_examples=200)
@given(JSON | LOOKALIKE)
def test_any_json_at_all_never_raises(answer: object) -> None:
    """And what comes out can be shown and stored, and comes back from there as it was."""
    reading = parse(answer, taken_at=NOON)
    if reading is None:
        return
    for name, window in reading.windows.items():
        assert is_printable(name)
        assert type(window.utilization) is int
        assert 0 <= window.utilization <= 100
        assert window.resets_at is None or window.resets_at.utcoffset() == timedelta(0)
    snapshot = Snapshot(NOON, (Account("alice", reading),))
    stored = json.loads(json.dumps(to_json(snapshot), ensure_ascii=False).encode())
    again = from_json(stored)
    assert to_json(again) == stored
    terminal = Terminal(80, colour=False, unicode=True)
    text = format_table(build_views(again, NOON), Page(terminal, NOON, UTC))
    assert all(map(is_printable, text.splitlines()))


@pytest.mark.parametrize(
    ("utilization", "shown"),
    [
        (0, 0),
        (0.0, 0),
        (-0.0, 0),
        (0.4, 0),
        (0.5, 1),
        (41.0, 41),
        (49.5, 50),
        (50.5, 51),
        (99, 99),
        (99.4, 99),
        (99.49999, 99),
        (99.5, 100),
        (100, 100),
        (100.4, 100),
        (101, 100),
        (1000, 100),
    ],
)
def test_a_percentage_is_rounded_half_up_and_is_a_hundred_at_most(
    utilization: float, shown: int
) -> None:
    reading = five_hour(utilization)
    assert reading is not None
    assert reading.windows == {"fiveHour": Window(shown, SOON_AT)}
    assert reading.ignored == 0


@pytest.mark.parametrize(
    "utilization",
    [
        None,
        "41",
        "",
        True,
        False,
        -1,
        -0.6,
        -1e308,
        1001,
        1e300,
        10**30,
        [],
        {},
        [41],
        float("nan"),
        float("inf"),
        10**400,
    ],
)
def test_what_is_no_percentage_is_not_guessed_at(utilization: object) -> None:
    """A window that is not understood is counted, and never zero; alone it is no reading."""
    assert five_hour(utilization) is None
    both = read(
        {
            "five_hour": {"utilization": utilization, "resets_at": SOON},
            "seven_day": {"utilization": 5, "resets_at": WEEK},
        }
    )
    assert (both.windows, both.ignored) == ({"sevenDay": Window(5, WEEK_AT)}, 1)


def test_at_rest_no_window_runs_and_no_reset_time_is_given() -> None:
    reading = read({"five_hour": {"utilization": 0, "resets_at": None}})
    assert reading.windows == {"fiveHour": Window(0, None)}


@pytest.mark.parametrize(
    "resets_at",
    ["", "soon", 5, -1, True, [], 1e300, "2026-11-22T15:00:00", "2026-13-45T00:00:00Z"],
)
def test_a_reset_time_that_is_not_understood_is_none_and_counted(resets_at: object) -> None:
    """The percentage still counts; a time without a zone could be any."""
    reading = read({"five_hour": {"utilization": 41, "resets_at": resets_at}})
    assert (reading.windows, reading.ignored) == ({"fiveHour": Window(41, None)}, 1)


@pytest.mark.parametrize("resets_at", [1_763_823_000, 1_763_823_000.0, 1_763_823_000_000])
def test_a_reset_time_may_be_in_seconds_or_milliseconds_since_the_epoch(resets_at: float) -> None:
    reading = read({"five_hour": {"utilization": 41, "resets_at": resets_at}})
    expected = datetime(2025, 11, 22, 14, 50, tzinfo=UTC)
    assert (reading.windows, reading.ignored) == ({"fiveHour": Window(41, expected)}, 0)


@pytest.mark.parametrize(
    "text", ["2026-11-22T16:09:59.318402+01:00", "2026-11-22T15:09:59.318402Z"]
)
def test_a_reset_time_of_any_zone_is_kept_in_utc(text: str) -> None:
    reading = read({"five_hour": {"utilization": 41, "resets_at": text}})
    assert reading.windows["fiveHour"].resets_at == SOON_AT
    assert reading.windows["fiveHour"].resets_at.tzinfo is UTC


def test_a_free_account_has_no_windows_and_is_read_all_the_same() -> None:
    reading = read({"five_hour": None, "seven_day": None, "seven_day_opus": None, "limits": []})
    assert (reading.windows, reading.credits, reading.ignored) == ({}, None, 0)


def test_an_account_may_have_only_the_weekly_window() -> None:
    reading = read({"five_hour": None, "seven_day": {"utilization": 7, "resets_at": WEEK}})
    assert reading.windows == {"sevenDay": Window(7, WEEK_AT)}


def test_a_usage_billed_account_has_only_money() -> None:
    reading = read({"extra_usage": COMPOSED["extra_usage"], "spend": COMPOSED["spend"]})
    assert reading.windows == {}
    assert reading.credits == Credits(1275, 5000, "EUR", 2)


@pytest.mark.parametrize(
    "answer", [None, [], {}, "five_hour", 5, {"error": "x"}, {"type": "error"}]
)
def test_what_is_no_usage_answer_is_no_reading(answer: object) -> None:
    assert parse(answer, taken_at=NOON) is None


def test_windows_that_only_limits_has_are_found_there() -> None:
    reading = read({"limits": COMPOSED["limits"]})
    assert list(reading.windows) == ["fiveHour", "sevenDay", "models.Fable"]


def test_a_limit_of_a_kind_that_is_new_has_a_readable_name() -> None:
    """Somebody can hit it. What has no percentage, or is no entry at all, is counted."""
    odd = [
        {"kind": "monthly_spend", "percent": 72},
        {"kind": "daily_scoped", "percent": 3, "scope": {"surface": "Cowork"}},
        {"kind": "session", "percent": 9, "scope": {"model": {"display_name": "Fable"}}},
    ]
    broken = [{"kind": "monthly"}, {"percent": 1}, {"kind": "plan", "percent": 1}, "x", None]
    reading = read({"limits": [*odd, *broken]})
    assert reading.windows == {
        "dailyScoped · Cowork": Window(3, None),
        "monthlySpend": Window(72, None),
        "session · Fable": Window(9, None),
    }
    assert [short_title(name) for name in reading.windows] == [
        "daily scoped · Cowork",
        "monthly spend",
        "session · Fable",
    ]
    assert reading.ignored == len(broken)


def test_limits_go_before_a_flat_key_and_take_its_name() -> None:
    reading = read(
        {
            "five_hour": {"utilization": 100, "resets_at": SOON},
            "seven_day_cowork": {"utilization": 7, "resets_at": WEEK},
            "limits": [
                {"kind": "session", "percent": 5, "resets_at": SOON},
                {"kind": "weekly_scoped", "percent": 8, "scope": {"surface": "cowork"}},
            ],
        }
    )
    assert reading.windows == {
        "fiveHour": Window(5, SOON_AT),
        "sevenDayCowork": Window(8, None),
    }


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        ({"model": {"display_name": "Fable"}}, "models.Fable"),
        ({"model": {"id": "claude-opus-5", "display_name": None}}, "models.claude-opus-5"),
        ({"model": None, "surface": "Claude Design"}, "scoped.Claude Design"),
        ({"surface": {"display_name": "Cowork"}}, "scoped.Cowork"),
        ({"model": {"id": "x"}, "surface": "Cowork"}, "scoped.x · Cowork"),
        ({"model": {"display_name": "All models"}}, "sevenDay"),
        ({"model": {"display_name": "ALL MODELS"}, "surface": None}, "sevenDay"),
    ],
)
def test_a_weekly_limit_is_named_by_its_scope(scope: object, name: str) -> None:
    reading = read({"limits": [{"kind": "weekly_scoped", "percent": 5, "scope": scope}]})
    assert (reading.windows, reading.ignored) == ({name: Window(5, None)}, 0)


def test_a_limit_listed_twice_with_another_percentage_is_counted() -> None:
    reading = read(
        {"limits": [build_scoped("Fable", 5), build_scoped("Fable", 5), build_scoped("fable", 6)]}
    )
    assert (reading.windows, reading.ignored) == ({"models.Fable": Window(5, WEEK_AT)}, 1)


@pytest.mark.parametrize(
    "name", [None, "", "  ", 5, "x" * 61, "a\nb", "\x1b[31m", "\ud800", ["Fable"]]
)
def test_a_model_without_a_printable_name_is_counted_and_left_out(name: object) -> None:
    reading = read({**COMPOSED, "limits": [build_scoped(name)]})
    assert list(reading.windows) == ["fiveHour", "sevenDay"]
    assert reading.ignored == 1


def test_a_window_that_people_know_by_one_name_is_shown_once() -> None:
    """The weekly limit of a model stands flat, in `limits`, or in both."""
    reading = read(
        {
            "seven_day_opus": {"utilization": 12, "resets_at": WEEK},
            "limits": [
                build_scoped("Opus", 12),
                build_scoped("opus", 99),
                build_scoped("Fable"),
                build_scoped("Fable", 6),
            ],
        }
    )
    assert reading.windows == {
        "sevenDayOpus": Window(12, WEEK_AT),
        "models.Fable": Window(5, WEEK_AT),
    }


def test_a_key_with_a_code_name_is_never_a_window() -> None:
    """One that is at rest is not even counted."""
    running = read({**COMPOSED, "nimbus_quill": {"utilization": 3, "resets_at": WEEK}})
    assert list(running.windows) == list(read(COMPOSED).windows)
    assert (running.pools, running.ignored) == ((), 1)
    breakdown = {"as_of": WEEK, "rows": [{"key": "chat", "percent": 7}]}
    assert read({**COMPOSED, "seven_day_breakdown": breakdown}).ignored == 0


@pytest.mark.parametrize(
    ("key", "value", "pool"),
    [
        (
            "iguana_necktie",
            {"utilization": 24.48, "limit_dollars": 250, "used_dollars": 61.2, "resets_at": WEEK},
            Pool("iguanaNecktie", "Cloud session credit", 6120, 25000, 24, WEEK_AT),
        ),
        (
            "cinder_cove",
            {"utilization": 100, "resets_at": None, "limit_dollars": None},
            Pool("cinderCove", "Code and Cowork credit", None, None, 100, None),
        ),
        (
            "new_name",
            {"limit_dollars": 10, "used_dollars": 2.5, "label": "Welcome"},
            Pool("newName", "Welcome", 250, 1000, 25, None),
        ),
        (
            "new_name",
            {"limit_dollars": 10, "label": "\x1b[31m"},
            Pool("newName", "Credit (newName)", None, 1000, None, None),
        ),
    ],
)
def test_a_credit_pool_is_no_window(key: str, value: object, pool: Pool) -> None:
    reading = read({**COMPOSED, key: value})
    assert (reading.pools, reading.windows) == ((pool,), read(COMPOSED).windows)


def test_saved_resets_are_those_that_have_not_ended() -> None:
    soon, late, past = (NOON + timedelta(hours=hours) for hours in (5, 9, -1))
    grants = [
        {"resets_left": 1, "ends_at": late.isoformat()},
        {"resets_left": 2, "ends_at": soon.isoformat()},
        {"resets_left": 4, "ends_at": past.isoformat()},
        {"resets_left": 0, "ends_at": (NOON + timedelta(hours=1)).isoformat()},
    ]
    saved = read({**COMPOSED, "cedar_ember": {"grants": grants}}).saved_resets
    assert saved == SavedResets(3, soon)
    assert saved.ends == (late, soon)
    assert read({**COMPOSED, "cedar_ember": {"grants": []}}).saved_resets is None
    odd = read({**COMPOSED, "cedar_ember": {"grants": [{"resets_left": -1}, {"resets_left": "2"}]}})
    assert (odd.saved_resets, odd.ignored) == (None, 2)


@pytest.mark.parametrize(
    "key",
    ["label", "status", "error", "plan", "models", "organization", "UPPER", "a b", "__proto__", ""],
)
def test_no_window_can_take_the_name_of_another_key(key: str) -> None:
    """Else an answer could change the label or status that an account is shown with."""
    reading = read({**COMPOSED, key: {"utilization": 99, "resets_at": WEEK}})
    assert list(reading.windows) == ["fiveHour", "sevenDay", "models.Fable"]


@pytest.mark.parametrize(
    ("change", "money"),
    [
        ({}, SPENT),
        ({"is_enabled": False}, replace(SPENT, enabled=False)),
        ({"is_enabled": False, "user_disabled": True}, off("user_disabled")),
        ({"is_enabled": False, "disabled_reason": "out_of_credits"}, off("out_of_credits")),
        ({"is_enabled": False, "disabled_reason": "\x1b"}, replace(SPENT, enabled=False)),
        ({"used_credits": None}, SPENT),
        ({"monthly_limit": None}, replace(SPENT, limit=None)),
        ({"monthly_limit": 1e308}, replace(SPENT, limit=None)),
        ({"monthly_limit": -1}, replace(SPENT, limit=None)),
        ({"currency": "<b>"}, replace(SPENT, currency="USD")),
        ({"decimal_places": 0}, replace(SPENT, exponent=0)),
        ({"decimal_places": 99}, SPENT),
        ({"decimal_places": True}, SPENT),
    ],
)
def test_money_is_shown_though_it_is_switched_off(
    change: dict[str, object], money: Credits | None
) -> None:
    reading = read({**COMPOSED, "extra_usage": {**COMPOSED["extra_usage"], **change}})
    assert reading.credits == money


def test_either_of_the_two_sums_may_be_all_there_is() -> None:
    spend = {
        "used": {"amount_minor": 1750, "currency": "USD", "exponent": 2},
        "limit": None,
        "cap": {"money": {"amount_minor": 28000}},
        "enabled": True,
    }
    for extra in (None, {"is_enabled": False, "used_credits": 0, "monthly_limit": None}):
        reading = read({"extra_usage": extra, "spend": spend, "limits": []})
        assert reading.credits == Credits(1750, 28000, "USD", 2)


def test_of_nothing_spent_and_nothing_switched_on_there_is_no_money() -> None:
    off_and_empty = {"used": {"amount_minor": 0}, "enabled": False}
    assert read({"spend": off_and_empty, "limits": []}).credits is None
    unknown = read({"spend": {"enabled": True}, "limits": []}).credits
    assert unknown == Credits(None, None, "USD", 2)


@pytest.mark.parametrize("plan", ["Team", "Claude Team"])
def test_the_sums_of_a_team_are_the_organizations(plan: str) -> None:
    reading = parse(COMPOSED, taken_at=NOON, organization=Organization("uuid-1", plan))
    assert reading
    assert reading.credits == replace(SPENT, shared=True)


@pytest.mark.parametrize(
    "change",
    [
        {"spend": 5},
        {"extra_usage": "x"},
        {"cedar_ember": []},
        {"spend": {"used": 5}},
        {"spend": {"used": {"amount_minor": "x"}}},
        {"limits": 5},
        {"limits": [[]]},
        {"cedar_ember": {"grants": {}}},
        {"iguana_necktie": {"utilization": -1, "resets_at": WEEK}},
    ],
)
def test_what_has_the_wrong_type_is_counted_and_costs_nothing_else(change: dict[str, Any]) -> None:
    reading = read({**COMPOSED, **change})
    assert reading.ignored == 1
    assert reading.windows.keys() >= {"fiveHour", "sevenDay"}


def test_a_free_account_with_an_odd_key_is_read_all_the_same() -> None:
    reading = read({"five_hour": None, "seven_day": None, "spend": 5, "cedar_ember": "x"})
    assert (reading.windows, reading.ignored) == ({}, 2)


def test_of_an_answer_out_of_bounds_fifty_windows_are_kept_the_documented_ones_first() -> None:
    limit = {"kind": "weekly_scoped", "percent": 1, "resets_at": WEEK}
    many = [{**limit, "scope": {"model": {"display_name": f"M{n}"}}} for n in range(20_000)]
    reading = read({"limits": [*many, {"kind": "weekly_all", "percent": 2, "resets_at": WEEK}]})
    assert len(reading.windows) == 50
    assert next(iter(reading.windows)) == "sevenDay"
    assert reading.ignored == 20_001 - 50
