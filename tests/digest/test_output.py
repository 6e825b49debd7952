"""The digest as a table, as Markdown, and as a message."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cldmon.digest import (
    MAX_LINES,
    AccountDigest,
    Digest,
    Week,
    WindowDigest,
    digest_to_json,
    format_message,
)
from cldmon.domain.ranges import Span
from cldmon.terminal.digest import format_markdown, format_table
from cldmon.terminal.style import Terminal, width

BERLIN = ZoneInfo("Europe/Berlin")
UNTIL = datetime(2026, 3, 30, 7, tzinfo=UTC)
SPAN = Span(UNTIL - timedelta(days=7), UNTIL)
TERMINAL = Terminal(80, colour=False, unicode=True)
SESSION = WindowDigest("fiveHour", 100, 12, 3, timedelta(hours=4, minutes=10), 0, ())
WEEK = WindowDigest(
    "sevenDay", 88, 3, 0, timedelta(0), 1, (Week(UNTIL, 12), Week(UNTIL, None), Week(UNTIL, 40))
)
ALICE = AccountDigest("alice", (SESSION, WEEK), timedelta(hours=4, minutes=10), 2)
BOB = AccountDigest(
    "bob|`x`",
    (WindowDigest("models.Fable", None, None, 1, timedelta(0), None, ()),),
    timedelta(0),
    None,
)
CAROL = AccountDigest("carol 🎉 数据", (), timedelta(0), None)
DIGEST = Digest(SPAN, (ALICE, BOB, CAROL))


def test_a_table_has_a_row_for_each_account_and_window() -> None:
    assert format_table(DIGEST, TERMINAL, BERLIN).split("\n") == [
        "Usage from 2026-03-23 08:00 to 2026-03-30 09:00",
        "",
        "Account        Window    Peak  End  Hits  At limit  Early  Errors       Unused",
        "alice                                  3    4h 10m      1       2",
        "               5h        100%  12%     3    4h 10m      0",
        "               7d         88%   3%     0         0      1          12%, –, 40%",
        "bob|`x`                                1         0      –       –",
        "               7d Fable     –    –     1         0      –",
        "carol 🎉 数据                          –         –      –       –",
    ]


def test_the_weeks_of_a_long_span_are_averaged() -> None:
    weeks = [Week(UNTIL, unused) for unused in (10, 20, None, 31)]
    digest = Digest(SPAN, (replace(ALICE, windows=(replace(WEEK, weeks=tuple(weeks)),)),))
    assert format_table(digest, TERMINAL, BERLIN).endswith(" average 20%")


def test_a_table_fits_into_eighty_columns_and_steers_no_terminal() -> None:
    label = "a label that goes on and on \x1b[31m"
    window = replace(WEEK, name="models.a name that goes on")
    digest = Digest(SPAN, (replace(ALICE, label=label, windows=(window,)),))
    lines = format_table(digest, TERMINAL, BERLIN).split("\n")
    assert max(map(width, lines)) <= 80
    assert "\x1b" not in "".join(lines)
    assert format_table(DIGEST, Terminal(80, colour=False, unicode=False), BERLIN).isascii()


def test_markdown_is_a_heading_and_a_table() -> None:
    lines = format_markdown(DIGEST, TERMINAL, BERLIN).split("\n")
    assert lines[0] == "# Usage from 2026-03-23 08:00 to 2026-03-30 09:00"
    assert lines[4:7] == [
        "| alice |  |  |  | 3 | 4h 10m | 1 | 2 |  |",
        "|  | 5h | 100% | 12% | 3 | 4h 10m | 0 |  |  |",
        "|  | 7d | 88% | 3% | 0 | 0 | 1 |  | 12%, –, 40% |",
    ]
    assert lines[7].startswith(r"| bob\|\`x\` |")
    assert all(line.replace(r"\|", "").count("|") == 10 for line in lines[2:])


def test_json_has_hours_and_nulls() -> None:
    found = digest_to_json(DIGEST)
    assert (found["since"], found["until"]) == (
        "2026-03-23T07:00:00.000Z",
        "2026-03-30T07:00:00.000Z",
    )
    alice, bob, carol = found["accounts"]
    assert {key: alice[key] for key in ("hits", "hoursAtLimit", "earlyResets", "errors")} == {
        "hits": 3,
        "hoursAtLimit": 4.17,
        "earlyResets": 1,
        "errors": 2,
    }
    assert alice["windows"][1]["weeks"][:2] == [
        {"endedAt": "2026-03-30T07:00:00.000Z", "unused": 12},
        {"endedAt": "2026-03-30T07:00:00.000Z", "unused": None},
    ]
    assert (bob["earlyResets"], bob["errors"], bob["windows"][0]["peak"]) == (None, None, None)
    assert (carol["hits"], carol["hoursAtLimit"], carol["windows"]) == (None, None, [])


def test_a_message_has_a_line_for_each_account() -> None:
    assert format_message(DIGEST, BERLIN) == (
        "Usage from 23 Mar to 30 Mar",
        [
            (
                "alice: 4.2 h at a limit · 3 limit hits · 5h at most 100%, 12% at the end"
                " · 7d at most 88%, 3% at the end · 12% and 40% of the week unused"
                " · 1 early reset · 2 errors"
            ),
            "bob|`x`: 1 limit hit",
            "carol 🎉 数据: no readings",
        ],
    )


def test_a_message_is_bounded() -> None:
    windows = tuple(replace(WEEK, name=f"models.{'x' * 90}{n}") for n in range(200))
    accounts = tuple(
        replace(ALICE, label=f"{'&' * 300}{n}\n", windows=windows) for n in range(MAX_LINES + 7)
    )
    _, lines = format_message(Digest(SPAN, accounts), BERLIN)
    assert len(lines) == MAX_LINES + 1
    assert max(map(len, lines)) <= 500
    assert lines[-1] == "and 7 more: cldmon digest shows all"
    assert not any("\n" in line for line in lines)
