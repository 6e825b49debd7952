"""What `status` prints, in each of its formats."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from unicodedata import category
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.domain.freshness import build_views
from cldmon.domain.model import (
    REPORT,
    Account,
    Credits,
    Failure,
    FailureKind,
    Pool,
    Snapshot,
    Window,
)
from cldmon.domain.text import is_printable
from cldmon.terminal.formats import FORMATS, format_snapshot
from cldmon.terminal.status import Page, format_table
from cldmon.terminal.style import Terminal, width
from tests.strategies import ACCOUNT, INSTANT
from tests.terminal.readings import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    FORECASTS,
    FRANK,
    GRACE,
    HEIDI,
    HOUR,
    LATER,
    MINUTE,
    NOW,
    SNAPSHOT,
    make_snapshot,
    reading,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from cldmon.domain.forecast import Forecast

    Golden = Callable[[str, str], None]

BERLIN = ZoneInfo("Europe/Berlin")
PLAIN = Terminal(80, colour=False, unicode=True)
ASCII = Terminal(80, colour=False, unicode=False)
COLOUR = Terminal(80, colour=True, unicode=True)
WIDE = Terminal(200, colour=False, unicode=True)
SGR = re.compile(r"\x1b\[[0-9;]*m")


def draw(
    snapshot: Snapshot,
    terminal: Terminal = PLAIN,
    forecasts: Mapping[tuple[str, str], Forecast] = FORECASTS,
) -> str:
    return format_table(build_views(snapshot, NOW, forecasts), Page(terminal, NOW, BERLIN))


def format_plain(form: str, snapshot: Snapshot, terminal: Terminal = PLAIN) -> str:
    return format_snapshot(form, snapshot, NOW, terminal, lambda: FORECASTS)


@pytest.mark.parametrize(
    ("name", "terminal"), [("table", PLAIN), ("table-ascii", ASCII), ("table-wide", WIDE)]
)
def test_the_table_looks_like_this(name: str, terminal: Terminal, golden: Golden) -> None:
    golden(f"status/{name}.txt", draw(SNAPSHOT, terminal) + "\n")


def test_a_table_with_credits_pools_and_saved_resets_looks_like_this(golden: Golden) -> None:
    golden("status/table-money.txt", draw(make_snapshot(ALICE, HEIDI)) + "\n")


@pytest.mark.parametrize(
    ("name", "form", "terminal"),
    [
        ("line.txt", "line", PLAIN),
        ("line-ascii.txt", "line", ASCII),
        ("usage.csv", "csv", PLAIN),
        ("usage.json", "json", PLAIN),
    ],
)
def test_the_other_formats_look_like_this(
    name: str, form: str, terminal: Terminal, golden: Golden
) -> None:
    golden(f"status/{name}", format_plain(form, SNAPSHOT, terminal) + "\n")


def test_the_table_is_no_wider_than_its_terminal_and_bars_grow_with_it() -> None:
    bars = []
    for columns in (62, 80, 100, 109):
        text = draw(SNAPSHOT, Terminal(columns, colour=False, unicode=True))
        assert max(map(width, text.splitlines())) <= columns
        bars.append(text.count("█"))
    assert bars == sorted(set(bars))


def test_a_heading_wider_than_its_column_counts() -> None:
    """Most accounts have only a `5h` and a `7d` window."""
    session, week = Window(41, NOW + 134 * MINUTE), Window(63, LATER)
    alone = make_snapshot(Account("alice", reading(MINUTE, "Pro", fiveHour=session, sevenDay=week)))
    for columns in range(62, 90):
        text = draw(alone, Terminal(columns, colour=False, unicode=True))
        assert max(map(width, text.splitlines())) <= columns


def test_a_wide_terminal_shows_the_full_window_names() -> None:
    assert "Weekly: Fable only" in draw(SNAPSHOT, Terminal(110, colour=False, unicode=True))
    assert max(map(width, draw(SNAPSHOT, WIDE).splitlines())) <= 200


def test_colour_changes_nothing_but_colour() -> None:
    assert SGR.sub("", draw(SNAPSHOT, COLOUR)) == draw(SNAPSHOT)


def test_a_level_shows_in_colour_and_without() -> None:
    """From 75 % on it is marked `!`, from 90 % on `!!`."""
    for percent, mark, colour in (
        (74, "", "32"),
        (75, " !", "33"),
        (89, " !", "33"),
        (90, " !!", "31;1"),
    ):
        account = Account("x", reading(MINUTE, "Pro", fiveHour=Window(percent, NOW + HOUR)))
        row = draw(make_snapshot(account)).splitlines()[2]
        assert re.search(rf" {percent}%{re.escape(mark)}   ?\S", row), row
        assert f"\x1b[{colour}m {percent}%" in draw(make_snapshot(account), COLOUR)


def test_an_error_comes_first_with_what_to_do_and_the_last_reading_is_dim() -> None:
    head, error, *rows = draw(make_snapshot(BOB), COLOUR).splitlines()[1:]
    assert SGR.sub("", head) == "bob · Pro · last read 3 h ago · needs action"
    assert "sign in again" in error
    assert error.startswith("  \x1b[31m✗ ")
    assert all(row.startswith("  \x1b[2m") for row in rows)


def test_a_long_error_is_wrapped_below_its_mark() -> None:
    lines = draw(make_snapshot(ERIN)).splitlines()
    assert lines[0] == "erin · never read · recovers by itself"
    assert lines[1].startswith("  ↻ challenged")
    assert lines[2].startswith("    browser.headless")
    assert all(len(line) <= 80 for line in lines)


def test_an_error_that_recovers_by_itself_says_until_when_in_the_readers_zone() -> None:
    limited = Failure(FailureKind.RATE_LIMITED, "rate limited by the service", NOW + 2 * HOUR)
    account = make_snapshot(Account("x", None, limited))
    head, error = draw(account, COLOUR).splitlines()
    assert head.endswith("\x1b[33m · recovers by itself\x1b[0m")
    assert error == "  \x1b[33m↻ rate limited by the service (until 14:37)\x1b[0m"
    passed = make_snapshot(Account("x", None, replace(limited, retry_at=NOW)))
    assert "until" not in draw(passed)
    assert format_plain("line", account) == "x ↻"


def test_a_stale_reading_is_never_drawn_as_live() -> None:
    text = draw(make_snapshot(CAROL))
    assert "stale, 42 min old" in text
    assert "100% ?" in text
    assert "█" not in text
    assert "99% at reset" not in text
    assert "limit hit" not in text


@pytest.mark.parametrize(
    ("ago", "shown"), [(3 * HOUR, "last report 3 h ago"), (None, "no report yet")]
)
def test_an_account_that_waits_for_a_report_says_so(ago: timedelta | None, shown: str) -> None:
    found = None if ago is None else replace(reading(ago, "Pro"), source=REPORT)
    text = draw(make_snapshot(Account("x", found, reports_only=True)))
    assert shown in text
    assert not {"stale", "error", "not read"} & set(text.split())


def test_a_reading_from_the_future_is_not_live() -> None:
    early = reading(-50 * MINUTE, "Pro", fiveHour=Window(5, None))
    assert "stale, 50 min in the future" in draw(make_snapshot(Account("x", early)))


@pytest.mark.parametrize("form", ["table", "line", "csv"])
def test_a_window_whose_reset_is_due_does_not_show_its_old_percent(form: str) -> None:
    text = (
        draw(make_snapshot(FRANK)) if form == "table" else format_plain(form, make_snapshot(FRANK))
    )
    assert "92" not in text
    assert {"table": "reset due", "line": "5h due", "csv": "true"}[form] in text


def test_a_window_that_an_account_lacks_is_not_shown() -> None:
    only_weekly = Account("x", reading(MINUTE, "Pro", sevenDay=Window(5, NOW + HOUR)))
    rows = draw(make_snapshot(only_weekly)).splitlines()[2:]
    assert [row.split()[0] for row in rows] == ["7d"]
    assert format_plain("line", make_snapshot(only_weekly)) == "x 7d 5%"
    assert "fiveHour" not in format_plain("csv", make_snapshot(only_weekly))


def test_an_account_without_windows_is_only_a_head() -> None:
    free = make_snapshot(Account("x", reading(MINUTE, "Free")))
    assert draw(free) == "x · Free · read 1 min ago"
    assert format_plain("line", free) == "x –"


def test_an_account_that_no_pass_has_seen_is_marked() -> None:
    assert draw(make_snapshot(GRACE)) == "grace · not read yet"
    assert format_plain("line", make_snapshot(GRACE)) == "grace –"


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        (Credits(1275, 5000, "EUR", 2), "12.75 of 50.00 EUR"),
        (Credits(5, None, "USD", 2), "0.05 USD"),
        (Credits(700, 1000, "JPY", 0), "700 of 1000 JPY"),
        (Credits(0, 0, "USD", 2), "0.00 of 0.00 USD"),
    ],
)
def test_money_is_shown_in_whole_units(extra: Credits, text: str) -> None:
    row = draw(make_snapshot(Account("x", reading(MINUTE, "Pro", extra)))).splitlines()[-1]
    assert row.endswith(text)


def test_a_long_label_is_shortened() -> None:
    text = draw(make_snapshot(Account("数" * 60, ALICE.reading)))
    assert "…" in text.splitlines()[1]
    assert max(map(width, text.splitlines())) <= 80


def test_model_names_align_however_wide_they_are() -> None:
    wide = reading(MINUTE, "Pro", fiveHour=Window(5, NOW), models__数据=Window(5, NOW + HOUR))
    rows = draw(make_snapshot(Account("x", wide))).splitlines()[2:]
    assert len({width(row[: row.index("in")]) for row in rows if " in " in row}) == 1


def test_the_line_counts_down_to_the_reset_of_a_full_window() -> None:
    assert format_plain("line", make_snapshot(DAVE)) == "dave 5h 0% 7d 100%!! (2h)"


def test_the_line_names_a_model_limit_when_it_is_near() -> None:
    assert "Fable" in format_plain("line", make_snapshot(ALICE))
    near = Window(74, NOW + HOUR)
    both = reading(MINUTE, "Pro", sevenDay=Window(5, LATER), models__Fable=near)
    assert "Fable" not in format_plain("line", make_snapshot(Account("x", both)))
    assert "7d Fable 74%" in format_plain(
        "line", make_snapshot(Account("x", reading(MINUTE, "", models__Fable=near)))
    )


def test_csv_has_a_row_for_each_account_and_window() -> None:
    rows = list(csv.DictReader(io.StringIO(format_plain("csv", SNAPSHOT))))
    assert [(r["label"], r["window"]) for r in rows if r["label"] in ("alice", "erin")] == [
        ("alice", "fiveHour"),
        ("alice", "sevenDay"),
        ("alice", "models.Fable"),
        ("alice", ""),
        ("erin", ""),
    ]
    assert rows[0]["resetsAt"] == "2026-11-22T13:51:20.000Z"


def test_csv_has_rows_for_money_pools_and_saved_resets() -> None:
    rows = list(csv.DictReader(io.StringIO(format_plain("csv", make_snapshot(HEIDI)))))
    assert [(r["kind"], r["window"], r["used"], r["limit"], r["currency"]) for r in rows] == [
        ("window", "sevenDay", "", "", ""),
        ("credits", "", "23.90", "24.00", "EUR"),
        ("pool", "iguanaNecktie", "61.20", "250.00", "USD"),
        ("savedResets", "", "2", "", ""),
    ]
    assert [(r["utilization"], r["resetOverdue"]) for r in rows] == [
        ("97", "true"),
        ("", ""),
        ("24", ""),
        ("", ""),
    ]


def test_an_overdue_reset_is_shown_with_its_percentage() -> None:
    assert re.search(r"7d +█+░ +97% !! +11:37 +reset overdue", draw(make_snapshot(HEIDI)))
    assert format_plain("line", make_snapshot(HEIDI)) == "heidi 7d 97%!! (reset overdue)"


def test_credits_show_why_they_are_off_and_whether_they_are_shared() -> None:
    assert re.search("23.90 of 24.00 EUR +out of credits", draw(make_snapshot(HEIDI)))
    team = Account("x", reading(MINUTE, "Team", Credits(5, None, "USD", 2, shared=True)))
    assert "  org credits  0.05 USD" in re.sub(" +", "  ", draw(make_snapshot(team))).replace(
        "0.05  ", "0.05 "
    ).replace("org  ", "org ")
    assert format_plain("line", make_snapshot(team)) == "x org credits 0.05 USD"
    assert "Usage credits (organization)" in draw(make_snapshot(team), WIDE)


def test_a_credit_pool_that_is_used_up_is_not_marked_as_a_limit() -> None:
    pool = Pool("cinderCove", "Claude Code and Cowork credit", 80000, 80000, 100, LATER)
    full = replace(reading(MINUTE, "Pro"), pools=(pool,))
    row = draw(make_snapshot(Account("x", full)), COLOUR).splitlines()[-1]
    assert "100%" in row
    assert "!" not in row
    assert "31" not in row.replace("31 ", "")
    assert "800.00 of 800.00 USD" in row
    assert "expires 25 Nov" in row
    over = replace(full, pools=(replace(pool, expires_at=NOW - HOUR),))
    assert "expired 22 Nov" in draw(make_snapshot(Account("x", over)))


EVIL = "a\x1b[2Jb\x07\x9b31m\u202ec\nd"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("terminal", [PLAIN, ASCII])
def test_control_characters_from_outside_do_not_reach_the_terminal(
    form: str, terminal: Terminal
) -> None:
    """Not a label, a plan, a currency, a model or an error."""
    evil = reading(MINUTE, EVIL, Credits(1, 2, EVIL, 2), fiveHour=Window(1, None))
    windows = {**evil.windows, f"models.{EVIL}": Window(99, NOW + HOUR)}
    accounts = [
        Account(EVIL, type(evil)(NOW, windows, EVIL, EVIL, credits=evil.credits)),
        Account(EVIL, None, Failure(FailureKind.TIMEOUT, EVIL)),
    ]
    unsafe = {
        c
        for c in format_plain(form, make_snapshot(*accounts), terminal)
        if category(c) in ("Cc", "Cf")
    }
    assert unsafe <= {"\n"}


@settings(deadline=None)
@given(
    st.lists(ACCOUNT, max_size=4),
    INSTANT,
    st.sampled_from([PLAIN, ASCII, COLOUR, WIDE]),
    st.sampled_from(FORMATS),
)
def test_every_snapshot_can_be_shown(
    accounts: list[Account], now: datetime, terminal: Terminal, form: str
) -> None:
    """At any time and with any content; as ASCII in a terminal without Unicode."""
    snapshot = Snapshot(NOW, tuple(accounts), timedelta(minutes=10))
    text = format_snapshot(form, snapshot, now, terminal, dict)
    assert is_printable(SGR.sub("", text).replace("\n", ""))
    assert terminal.unicode or text.isascii()


def test_a_narrow_terminal_drops_forecasts_and_then_clock_times() -> None:
    """Percentages and the time left until the reset are kept."""
    shown = {}
    for columns in (62, 50, 40):
        text = draw(make_snapshot(ALICE, BOB, CAROL), Terminal(columns, colour=False, unicode=True))
        assert max(map(width, text.splitlines())) <= columns
        shown[columns] = [
            "at reset" in text,
            "14:51" in text,
            "41%" in text and "in 2h 14m" in text,
        ]
    assert shown == {62: [True, True, True], 50: [False, True, True], 40: [False, False, True]}
