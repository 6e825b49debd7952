"""The kinds of windows: their titles, their order, and their JSON form."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.windows import (
    WINDOW_KINDS,
    duration,
    flatten,
    limit_name,
    nest,
    short_title,
    sort_for_display,
    title,
)
from tests.strategies import NAME

WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("name", "long", "short", "lasts"),
    [
        ("fiveHour", "Current session", "5h", timedelta(hours=5)),
        ("sevenDay", "Weekly: all models", "7d", WEEK),
        ("sevenDayOpus", "Weekly: Opus only", "7d Opus", WEEK),
        ("sevenDayOmelette", "Weekly: Claude Design only", "7d Claude Design", WEEK),
        ("sevenDayNewThing", "Weekly: New Thing only", "7d New Thing", WEEK),
        ("models.Fable", "Weekly: Fable only", "7d Fable", WEEK),
        ("models.claude-opus-5", "Weekly: claude-opus-5 only", "7d claude-opus-5", WEEK),
        ("scoped.Claude Design", "Weekly: Claude Design only", "7d Claude Design", WEEK),
        ("scoped.Fable · Cowork", "Weekly: Fable · Cowork only", "7d Fable · Cowork", WEEK),
        ("monthlySpend", "Monthly spend", "monthly spend", None),
        ("dailyScoped · Cowork", "Daily scoped · Cowork", "daily scoped · Cowork", None),
    ],
)
def test_a_window_has_a_title_a_short_one_and_a_duration(
    name: str, long: str, short: str, lasts: timedelta | None
) -> None:
    assert (title(name), short_title(name), duration(name)) == (long, short, lasts)


def test_windows_are_shown_in_the_order_of_the_table_then_by_title() -> None:
    known = [kind.name for kind in WINDOW_KINDS]
    others = ["models.Fable", "scoped.Fable · Cowork", "models.claude-opus-5", "monthlySpend"]
    assert sort_for_display([*reversed(others), *reversed(known)]) == [*known, *others]


@given(st.dictionaries(NAME, st.integers()))
def test_nesting_is_undone_by_flattening(values: dict[str, int]) -> None:
    nested = nest(values)
    assert flatten(nested) == values
    assert not any(name.startswith(("models.", "scoped.")) for name in nested)


def test_scoped_windows_are_nested_as_files_have_them() -> None:
    assert nest({"fiveHour": 1, "models.Opus 4.5": 2, "scoped.Claude Design": 3}) == {
        "fiveHour": 1,
        "models": {"Opus 4.5": 2},
        "scoped": {"Claude Design": 3},
    }


@pytest.mark.parametrize("models", [None, 5, [], "Fable"])
def test_flattening_leaves_out_other_keys(models: object) -> None:
    entry = {"label": "alice", "status": "ok", "fiveHour": 5, "plan": None, "models": models}
    assert flatten(entry) == {"fiveHour": 5}


@pytest.mark.parametrize(
    ("name", "prose"),
    [
        ("fiveHour", "5-hour limit"),
        ("sevenDay", "weekly limit"),
        ("models.Fable", "weekly Fable limit"),
        ("scoped.Fable · Cowork", "weekly Fable · Cowork limit"),
        ("monthlySpend", "monthly spend limit"),
    ],
)
def test_a_window_has_a_name_within_sentences(name: str, prose: str) -> None:
    assert limit_name(name) == prose
