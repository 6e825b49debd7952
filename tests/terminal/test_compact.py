"""The compact form of `status`: a row for each account."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.domain.freshness import build_views
from cldmon.domain.model import Account, Credits, Failure, FailureKind, Snapshot, Window
from cldmon.domain.selection import Selection
from cldmon.domain.windows import FIVE_HOUR, SEVEN_DAY
from cldmon.terminal.compact import format_compact
from cldmon.terminal.formats import format_snapshot
from cldmon.terminal.status import Page
from cldmon.terminal.style import Terminal, width
from tests.strategies import ACCOUNT
from tests.terminal.readings import ALICE, BOB, HEIDI, HOUR, MINUTE, NOW, SNAPSHOT, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    Golden = Callable[[str, str], None]

ZONE = ZoneInfo("Europe/Berlin")
PLAIN = Terminal(80, colour=False, unicode=True)
RATE_LIMITED = Failure(FailureKind.RATE_LIMITED, "rate limited by the service", NOW + 2 * HOUR)
SGR = re.compile(r"\x1b\[[0-9;]*m")
TEAM = (
    *SNAPSHOT.accounts,
    HEIDI,
    Account("ivan", reading(MINUTE, "Enterprise", Credits(1275, None, "EUR", 2))),
    replace(ALICE, label="judy", failure=RATE_LIMITED),
    replace(ALICE, label="a.very.long.label@example.com"),
)


def draw(*accounts: Account, terminal: Terminal = PLAIN) -> str:
    return format_compact(build_views(Snapshot(NOW, accounts), NOW), Page(terminal, NOW, ZONE))


@pytest.mark.parametrize(
    ("name", "columns", "unicode"), [("", 80, True), ("-ascii", 80, False), ("-wide", 130, True)]
)
def test_it_looks_like_this(name: str, columns: int, unicode: bool, golden: Golden) -> None:
    terminal = Terminal(columns, colour=False, unicode=unicode)
    golden(f"status/compact{name}.txt", draw(*TEAM, terminal=terminal) + "\n")


def test_forty_accounts_fit_into_eighty_columns_and_fifty_rows() -> None:
    """With a prompt below, and without being asked for."""
    accounts = tuple(
        replace(TEAM[number % len(TEAM)], label=f"account-{number}") for number in range(40)
    )
    snapshot = Snapshot(NOW, accounts, SNAPSHOT.interval)
    screen = Terminal(80, colour=False, unicode=True, rows=50)
    lines = format_snapshot(None, snapshot, NOW, screen, dict).splitlines()
    assert len(lines) < 50
    assert max(map(width, lines)) <= 80
    for number in range(40):
        assert sum(line.startswith(f"account-{number} ") for line in lines) == 1


def test_the_table_is_shown_if_the_terminal_is_tall_enough_for_it() -> None:
    snapshot = Snapshot(NOW, (ALICE, BOB), SNAPSHOT.interval)

    def draw_on(rows: int | None, form: str | None = None) -> str:
        terminal = Terminal(80, colour=False, unicode=True, rows=rows)
        return format_snapshot(form, snapshot, NOW, terminal, dict)

    table = draw_on(None)
    rows = len(table.splitlines()) + 1
    assert "Forecast" not in draw_on(rows - 1)
    assert draw_on(rows - 1).endswith("--format table shows all")
    assert draw_on(rows) == draw_on(5, "table") == table
    assert draw_on(rows, "compact") == draw_on(5).rpartition("\n")[0]


def test_who_must_act_is_marked_and_the_time_is_local() -> None:
    text = draw(BOB, replace(ALICE, failure=RATE_LIMITED))
    assert "✗ session key expired · last read 3 h ago: 5h due 7d 93%?" in text
    assert "↻ rate limited until 14:37 · last read 4 min ago: 5h 41%?" in text
    passed = replace(RATE_LIMITED, retry_at=NOW - MINUTE)
    assert "↻ rate limited · last" in draw(replace(ALICE, failure=passed))


def test_colour_changes_nothing_but_colour() -> None:
    coloured = draw(*TEAM, terminal=Terminal(80, colour=True, unicode=True))
    assert SGR.sub("", coloured) == draw(*TEAM)
    assert "\x1b[31m✗ session key expired\x1b[0m" in coloured
    assert "\x1b[33m↻ rate limited until 14:37\x1b[0m" in coloured


def test_a_window_column_that_no_account_needs_is_left_out() -> None:
    [header, _] = draw(Account("x", reading(MINUTE, "Pro", sevenDay=Window(5, None)))).splitlines()
    assert header.split() == ["Account", "7d", "Resets"]


def test_an_account_in_error_alone_has_no_header() -> None:
    [row] = draw(BOB).splitlines()
    assert row.startswith("bob      ✗ session key expired")


@settings(deadline=None)
@given(st.lists(ACCOUNT, max_size=4), st.integers(40, 200))
def test_no_row_is_wider_than_the_terminal(accounts: list[Account], columns: int) -> None:
    lines = draw(*accounts, terminal=Terminal(columns, colour=False, unicode=True)).splitlines()
    readings = [each.reading for each in accounts if each.reading and not each.failure]
    has_header = any({FIVE_HOUR, SEVEN_DAY} & found.windows.keys() for found in readings)
    assert len(lines) == len(accounts) + has_header
    assert max(map(width, lines), default=0) <= columns


def test_if_nobody_is_in_error_that_is_said() -> None:
    snapshot = Snapshot(NOW, (ALICE,), SNAPSHOT.interval)
    chosen = Selection(only=("errors", "limited"))
    assert format_snapshot("line", snapshot, NOW, PLAIN, dict, chosen) == ""
    for form in ("table", "compact"):
        text = format_snapshot(form, snapshot, NOW, PLAIN, dict, chosen)
        assert text == "no account to show: none is known to be at a limit or in error"
