"""The service's usage answer: what is understood becomes a reading, the rest is counted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.claude.usage import parse
from cldmon.domain.asking import Organization
from cldmon.domain.model import ExtraUsage, Reading, Window
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
LIMIT_JSON = st.fixed_dictionaries(
    {
        "kind": JSON | st.sampled_from(["session", "weekly_all", "weekly_scoped"]),
        "percent": JSON,
        "resets_at": JSON,
        "scope": JSON
        | st.fixed_dictionaries({"model": st.dictionaries(st.just("display_name"), JSON)}),
    }
)
LOOKALIKE = st.fixed_dictionaries(
    {},
    optional={
        "five_hour": JSON | WINDOW_JSON,
        "seven_day": JSON | WINDOW_JSON,
        "seven_day_opus": JSON | WINDOW_JSON,
        "extra_usage": JSON
        | st.dictionaries(st.sampled_from(sorted(COMPOSED["extra_usage"])), JSON | st.just(True)),
        "limits": JSON | st.lists(LIMIT_JSON, max_size=3),
        "label": WINDOW_JSON,
        "models": WINDOW_JSON,
    },
)


def read(answer: object) -> Reading:
    reading = parse(answer, taken_at=NOON)
    assert reading is not None
    return reading


def five_hour(utilization: object) -> Reading | None:
    return parse({"five_hour": {"utilization": utilization, "resets_at": SOON}}, taken_at=NOON)


def scoped(name: object, percent: object = 5) -> dict[str, object]:
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
        extra_usage=ExtraUsage(used=1275, limit=5000, currency="EUR", exponent=2),
        ignored=0,
    )


@settings(max_examples=60)
@given(JSON | LOOKALIKE)
def test_any_json_at_all_never_raises(answer: object) -> None:
    """And what comes out can be shown and stored: percentages 0 to 100, times in UTC."""
    reading = parse(answer, taken_at=NOON)
    for name, window in (reading.windows if reading else {}).items():
        assert name.isprintable()
        assert type(window.utilization) is int
        assert 0 <= window.utilization <= 100
        assert window.resets_at is None or window.resets_at.utcoffset() == timedelta(0)
    json.dumps([reading and list(reading.windows)], ensure_ascii=False).encode()


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
    "resets_at", [None, "", "soon", 5, True, [], "2026-11-22T15:00:00", "2026-13-45T00:00:00Z"]
)
def test_a_reset_time_that_is_not_understood_is_none(resets_at: object) -> None:
    """The percentage still counts; a time without a zone could be any."""
    reading = read({"five_hour": {"utilization": 41, "resets_at": resets_at}})
    assert reading.windows == {"fiveHour": Window(41, None)}


@pytest.mark.parametrize(
    "text", ["2026-11-22T16:09:59.318402+01:00", "2026-11-22T15:09:59.318402Z"]
)
def test_a_reset_time_of_any_zone_is_kept_in_utc(text: str) -> None:
    reading = read({"five_hour": {"utilization": 41, "resets_at": text}})
    assert reading.windows["fiveHour"].resets_at == SOON_AT
    assert reading.windows["fiveHour"].resets_at.tzinfo is UTC


def test_a_free_account_has_no_windows_and_is_read_all_the_same() -> None:
    reading = read({"five_hour": None, "seven_day": None, "seven_day_opus": None, "limits": []})
    assert (reading.windows, reading.extra_usage, reading.ignored) == ({}, None, 0)


def test_an_account_may_have_the_weekly_window_alone() -> None:
    reading = read({"five_hour": None, "seven_day": {"utilization": 7, "resets_at": WEEK}})
    assert reading.windows == {"sevenDay": Window(7, WEEK_AT)}


def test_a_usage_billed_account_has_money_alone() -> None:
    reading = read({"extra_usage": COMPOSED["extra_usage"], "spend": COMPOSED["spend"]})
    assert reading.windows == {}
    assert reading.extra_usage == ExtraUsage(1275, 5000, "EUR", 2)


@pytest.mark.parametrize(
    "answer", [None, [], {}, "five_hour", 5, {"error": "x"}, {"type": "error"}]
)
def test_what_is_no_usage_answer_is_no_reading(answer: object) -> None:
    assert parse(answer, taken_at=NOON) is None


def test_windows_that_stand_in_limits_alone_are_found_there() -> None:
    reading = read({"limits": COMPOSED["limits"]})
    assert list(reading.windows) == ["fiveHour", "sevenDay", "models.Fable"]


def test_a_limit_of_a_kind_that_is_new_is_counted_and_left_out() -> None:
    reading = read(
        {**COMPOSED, "limits": [{"kind": "monthly", "percent": 1}, "x", None, scoped("Fable")]}
    )
    assert list(reading.windows) == ["fiveHour", "sevenDay", "models.Fable"]
    assert reading.ignored == 3


@pytest.mark.parametrize(
    "name", [None, "", "  ", 5, "x" * 61, "a\nb", "\x1b[31m", "\ud800", ["Fable"]]
)
def test_a_model_without_a_printable_name_is_counted_and_left_out(name: object) -> None:
    reading = read({**COMPOSED, "limits": [scoped(name)]})
    assert list(reading.windows) == ["fiveHour", "sevenDay"]
    assert reading.ignored == 1


def test_a_window_that_people_know_by_one_name_is_shown_once() -> None:
    """The weekly limit of a model stands flat, in `limits`, or in both."""
    reading = read(
        {
            "seven_day_opus": {"utilization": 12, "resets_at": WEEK},
            "limits": [scoped("Opus", 12), scoped("opus", 99), scoped("Fable"), scoped("Fable", 6)],
        }
    )
    assert reading.windows == {
        "sevenDayOpus": Window(12, WEEK_AT),
        "models.Fable": Window(5, WEEK_AT),
    }


def test_a_key_with_a_code_name_is_a_window_once_it_has_a_reset_time() -> None:
    running = read({**COMPOSED, "nimbus_quill": {"utilization": 3, "resets_at": WEEK}})
    assert running.windows["nimbusQuill"] == Window(3, WEEK_AT)
    assert "nimbusQuill" not in read(COMPOSED).windows


@pytest.mark.parametrize(
    "key",
    ["label", "status", "error", "plan", "models", "organization", "UPPER", "a b", "__proto__", ""],
)
def test_no_window_can_take_the_name_of_another_key(key: str) -> None:
    """Else an answer could change the label or status that an account is shown with."""
    reading = read({**COMPOSED, key: {"utilization": 99, "resets_at": WEEK}})
    assert list(reading.windows) == ["fiveHour", "sevenDay", "models.Fable"]


@pytest.mark.parametrize(
    ("change", "extra"),
    [
        ({"is_enabled": False}, None),
        ({"is_enabled": 1}, None),
        ({"used_credits": None}, None),
        ({"used_credits": -1}, None),
        ({"used_credits": "5"}, None),
        ({"used_credits": 1e308}, None),
        ({"monthly_limit": 1e308}, ExtraUsage(1275, None, "EUR", 2)),
        ({"monthly_limit": -1}, ExtraUsage(1275, None, "EUR", 2)),
        ({"monthly_limit": None}, ExtraUsage(1275, None, "EUR", 2)),
        ({"currency": "<b>"}, ExtraUsage(1275, 5000, "USD", 2)),
        ({"decimal_places": 0}, ExtraUsage(1275, 5000, "EUR", 0)),
        ({"decimal_places": 99}, ExtraUsage(1275, 5000, "EUR", 2)),
        ({"decimal_places": True}, ExtraUsage(1275, 5000, "EUR", 2)),
    ],
)
def test_money_is_shown_where_it_is_switched_on_and_understood(
    change: dict[str, object], extra: ExtraUsage | None
) -> None:
    reading = read({**COMPOSED, "extra_usage": {**COMPOSED["extra_usage"], **change}})
    assert reading.extra_usage == extra


def test_of_an_answer_gone_mad_fifty_windows_are_kept_the_documented_ones_first() -> None:
    limit = {"kind": "weekly_scoped", "percent": 1, "resets_at": WEEK}
    many = [{**limit, "scope": {"model": {"display_name": f"M{n}"}}} for n in range(20_000)]
    reading = read({"limits": [*many, {"kind": "weekly_all", "percent": 2, "resets_at": WEEK}]})
    assert len(reading.windows) == 50
    assert next(iter(reading.windows)) == "sevenDay"
    assert reading.ignored == 20_001 - 50
