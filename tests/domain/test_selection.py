"""Which accounts `status` shows, and in what order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.freshness import build_views
from cldmon.domain.model import Account, Failure, FailureKind, Reading, Snapshot, Window
from cldmon.domain.selection import GROUPS, SORTS, Selection
from cldmon.domain.summary import summarize
from cldmon.domain.usage import usage_to_json
from tests.fakes import NOON
from tests.strategies import ACCOUNT

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EXPIRED = Failure(FailureKind.KEY_EXPIRED, "session key expired")
LIMITED = Failure(FailureKind.RATE_LIMITED, "rate limited", NOON + HOUR)


def account(label: str, session: int, hours: float, week: int = 5, days: int = 3) -> Account:
    windows = {
        "fiveHour": Window(session, NOON + hours * HOUR),
        "sevenDay": Window(week, NOON + timedelta(days=days)),
    }
    return Account(label, Reading(NOON - MINUTE, windows))


TEAM = (
    account("dave", 41, 2),
    account("Bob", 100, 1, week=100, days=2),
    account("alice", 100, 4),
    replace(account("carol", 99, 0.5), failure=EXPIRED),
    Account("erin", None, LIMITED),
    account("frank", 90, 3),
    Account("grace", None),
)


def select(*accounts: Account, sort: str | None = None, only: tuple[str, ...] = ()) -> list[str]:
    views = build_views(Snapshot(NOON, accounts), NOON)
    return [each.label for each in Selection(sort, only).apply(views, summarize(views, NOON))]


@pytest.mark.parametrize(
    ("sort", "labels"),
    [
        (None, ["dave", "Bob", "alice", "carol", "erin", "frank", "grace"]),
        ("name", ["alice", "Bob", "carol", "dave", "erin", "frank", "grace"]),
        ("use", ["Bob", "alice", "frank", "dave", "carol", "erin", "grace"]),
        ("reset", ["dave", "frank", "alice", "Bob", "carol", "erin", "grace"]),
    ],
)
def test_accounts_have_an_order(sort: str | None, labels: list[str]) -> None:
    """What is not current is last; Bob's reset is that of the week, which binds him."""
    assert select(*TEAM, sort=sort) == labels


@pytest.mark.parametrize(
    ("only", "labels"),
    [
        (("limited",), ["Bob", "alice"]),
        (("errors",), ["carol", "erin"]),
        (("errors", "limited"), ["Bob", "alice", "carol", "erin"]),
    ],
)
def test_only_some_accounts_are_shown(only: tuple[str, ...], labels: list[str]) -> None:
    assert select(*TEAM, only=only) == labels


def test_old_numbers_count_neither_as_use_nor_as_a_reset() -> None:
    due = Account("due", Reading(NOON - 2 * MINUTE, {"fiveHour": Window(100, NOON - MINUTE)}))
    overdue = Account("overdue", Reading(NOON, {"fiveHour": Window(50, NOON - MINUTE)}))
    stale = Account("stale", Reading(NOON - HOUR, {"fiveHour": Window(100, NOON + MINUTE)}))
    live = account("live", 1, 4, week=0)
    assert select(due, stale, live, overdue, sort="use") == ["overdue", "live", "due", "stale"]
    assert select(due, stale, live, overdue, sort="reset")[0] == "live"


def test_json_has_the_chosen_accounts_and_the_summary_of_all() -> None:
    body = usage_to_json(Snapshot(NOON, TEAM), NOON, None, Selection("name", ("limited",)))
    assert [each["label"] for each in body["accounts"]] == ["alice", "Bob"]
    assert body["summary"] == usage_to_json(Snapshot(NOON, TEAM), NOON)["summary"]


@given(
    st.lists(ACCOUNT, max_size=6),
    st.sampled_from([None, *SORTS]),
    st.sets(st.sampled_from([*GROUPS])),
)
def test_a_selection_invents_and_repeats_nothing(
    accounts: list[Account], sort: str | None, only: set[str]
) -> None:
    views = build_views(Snapshot(NOON, tuple(accounts)), NOON)
    found = Selection(sort, only).apply(views, summarize(views, NOON))
    rest = list(views)
    for each in found:
        rest.remove(each)
    assert not rest if not only else len(found) + len(rest) == len(views)
