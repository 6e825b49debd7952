"""What the dashboard's pure modules say, asked in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from cldmon.domain.instants import from_ms, nearest_minute
from cldmon.domain.model import Transition, TransitionKind
from cldmon.slack.messages import alert
from cldmon.terminal.times import format_clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.browser.board import Board

NOON = 1_795_345_200_000
"""Noon in Berlin on 22 November 2026, in ms."""
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@pytest.fixture(scope="module")
def page(chromium: Browser, board: Board) -> Iterator[Page]:
    """A page from which the modules can be loaded."""
    with chromium.new_context(locale="en-GB", timezone_id="Europe/Berlin") as context:
        page = context.new_page()
        page.goto(board.url)
        yield page


def call(page: Page, module: str, name: str, *arguments: Any) -> Any:
    """Call a function of a module."""
    return page.evaluate(
        "async ([module, name, given]) => (await import(`/js/${module}.js`))[name](...given)",
        [module, name, list(arguments)],
    )


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (-5, "less than a minute"),
        (29_000, "less than a minute"),
        (59 * MINUTE + 20_000, "59 min"),
        (59 * MINUTE + 40_000, "1 h"),
        (80 * MINUTE, "1 h 20 min"),
        (DAY - 20_000, "1 d"),
        (4 * DAY + 5 * HOUR, "4 d 5 h"),
    ],
)
def test_a_length_of_time_is_told_by_its_largest_units(page: Page, ms: int, words: str) -> None:
    assert call(page, "time", "span", ms) == words


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (30_000, "30 s"),
        (90_000, "1 min 30 s"),
        (10 * MINUTE, "10 min"),
        (60 * MINUTE, "1 h"),
        (90 * MINUTE + 30_000, "1 h 30 min 30 s"),
        (DAY, "1 d"),
    ],
)
def test_an_interval_is_told_exactly(page: Page, ms: int, words: str) -> None:
    assert call(page, "time", "interval", ms) == words


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (NOON + HOUR, "at 13:00"),
        (NOON + DAY, "on Mon 12:00"),
        (NOON - 20 * DAY, "on 2 Nov, 12:00"),
    ],
)
def test_an_instant_is_told_with_as_much_of_the_day_as_it_needs(
    page: Page, ms: int, words: str
) -> None:
    assert call(page, "time", "when", ms, NOON) == words


@pytest.mark.parametrize(
    ("seconds", "clock_time", "in_utc"),
    [
        (-0.06, "Mon 00:00", "2026-11-22 23:00 UTC"),
        (-30, "Mon 00:00", "2026-11-22 23:00 UTC"),
        (-30.001, "23:59", "2026-11-22 22:59 UTC"),
        (0, "Mon 00:00", "2026-11-22 23:00 UTC"),
        (29.9, "Mon 00:00", "2026-11-22 23:00 UTC"),
    ],
)
def test_an_instant_reads_the_same_on_the_page_in_the_terminal_and_on_slack(
    page: Page, seconds: float, clock_time: str, in_utc: str
) -> None:
    """The service's resets jitter by a second around the minute: the nearest one is shown."""
    ms = int(NOON + 12 * HOUR + seconds * 1000)
    instant, noon = from_ms(ms), from_ms(NOON)
    assert call(page, "time", "clock", ms, NOON) == clock_time
    assert call(page, "time", "when", ms, NOON).endswith(clock_time)
    assert clock_time.split()[-1] in call(page, "time", "full", ms)
    assert format_clock(instant, noon, ZoneInfo("Europe/Berlin")) == clock_time
    message = alert(Transition(TransitionKind.LIMIT_HIT, "alice", "fiveHour", noon, instant), noon)
    assert f"Resets {in_utc}." in message.text
    assert f"<!date^{round(nearest_minute(instant).timestamp())}^" in str(message.blocks)


def test_the_times_of_a_table_have_their_zone_where_the_clock_shows_one_of_them_twice(
    page: Page,
) -> None:
    """On 25 October 2026 it goes back from 3 to 2 in Berlin."""
    first = 1_792_887_300_000
    assert call(page, "time", "stamps", [first, first + HOUR]) == [
        "25 Oct 2026, 02:15:00 CEST",
        "25 Oct 2026, 02:15:00 CET",
    ]
    assert call(page, "time", "stamps", [first - HOUR, first + 2 * HOUR]) == [
        "25 Oct 2026, 01:15:00",
        "25 Oct 2026, 03:15:00",
    ]


def test_a_time_axis_names_the_day_where_it_begins(page: Page) -> None:
    evening = [NOON + hours * HOUR for hours in (6, 9, 12, 15)]
    assert call(page, "time", "ticks", evening, NOON) == [
        "18:00\nSun 22",
        "21:00",
        "00:00\nMon 23",
        "03:00",
    ]
    assert call(page, "time", "ticks", evening[:2], NOON) == ["18:00", "21:00"]
    assert call(page, "time", "ticks", [NOON + 12 * HOUR], NOON) == ["Mon 23"]


@pytest.mark.parametrize(
    ("percent", "level"),
    [
        (None, "unknown"),
        (0, "normal"),
        (74, "normal"),
        (75, "high"),
        (90, "critical"),
        (100, "full"),
    ],
)
def test_levels(page: Page, percent: int | None, level: str) -> None:
    assert call(page, "usage", "levelOf", percent) == level


def window(**values: Any) -> dict[str, Any]:
    """Return a window as the page holds it."""
    usual = {"name": "fiveHour", "percent": 40, "resetsAt": NOON + HOUR, "due": False}
    return {**usual, "forecast": None, **values}


def iso(hours: int) -> str:
    """Return noon and so many hours in UTC, as the server writes it."""
    return f"2026-11-22T{11 + hours}:00:00.000Z"


@pytest.mark.parametrize(
    ("forecast", "words"),
    [
        (None, ""),
        ({"fullAt": None, "endsAtPercent": 62}, "On pace for 62% by reset."),
        (
            {"fullAt": iso(2), "endsAtPercent": 100},
            "On pace to hit the limit at 14:00, in 2 h.",
        ),
        ({"fullAt": iso(0), "endsAtPercent": 100}, "On pace to hit the limit about now."),
    ],
)
def test_a_forecast_is_told_in_a_sentence(page: Page, forecast: Any, words: str) -> None:
    assert call(page, "messages", "forecastMessage", window(forecast=forecast), NOON) == words


def test_without_a_reset_time_nothing_is_made_up(page: Page) -> None:
    idle = call(page, "messages", "resetMessage", window(percent=0, resetsAt=None), NOON)
    assert idle == {"lead": "No active session", "at": "", "left": ""}
    week = window(name="sevenDay", resetsAt=None)
    assert call(page, "messages", "resetMessage", week, NOON)["lead"] == "Reset time unknown"


@pytest.mark.parametrize(
    ("error", "retry_at", "label", "step"),
    [
        ("key_expired", None, "dave", "On a machine with a display: cldmon login dave"),
        ("key_missing", None, "o'neil", "Store one on the server: cldmon login 'o'\\''neil'"),
        ("rate_limited", NOON + HOUR, "bob", "Nothing to do: cldmon asks again after 13:00."),
        (
            "unexpected",
            None,
            "bob",
            "On the server, and report what it says: cldmon --debug fetch",
        ),
        ("service_down", None, "bob", "The next pass tries again."),
        ("toString", None, "bob", "The next pass tries again."),
    ],
)
def test_every_error_has_a_next_step(
    page: Page, error: str, retry_at: int | None, label: str, step: str
) -> None:
    view = {"errorKind": error, "retryAt": retry_at, "label": label}
    assert "".join(call(page, "messages", "nextStep", view, NOON)) == step


def test_windows_keep_their_names_and_order(page: Page) -> None:
    entry = {"label": "a", "models": {"Fable": 3}, "sevenDayOpus": 4, "sevenDay": 2, "fiveHour": 1}
    found = call(page, "usage", "percentsOf", entry)
    names = call(page, "usage", "inOrder", [name for name, _ in found])
    assert names == ["fiveHour", "sevenDay", "models.Fable", "sevenDayOpus"]
    assert [call(page, "usage", "titleOf", name) for name in names] == [
        "Current session",
        "Weekly: all models",
        "Weekly: Fable only",
        "Weekly: Opus only",
    ]


def test_money_is_written_as_the_reader_writes_it(page: Page) -> None:
    euros = {"currency": "EUR", "exponent": 2}
    assert call(page, "usage", "money", 123_456, euros) == "€1,234.56"
    yen = {"currency": "JPY", "exponent": 0}
    assert call(page, "usage", "money", 900, yen) == "JP¥900"
    assert call(page, "usage", "money", 50, {"currency": "credits", "exponent": 1}) == "5.0 credits"


def test_gaps_lone_readings_and_marks_are_found(page: Page) -> None:
    series = page.evaluate(
        """async () => {
            const {seriesByLabel, gapsOf, loneReadings, marksOf} = await import("/js/series.js");
            const at = (timestamp, fiveHour) => ({timestamp, accounts: [{label: "a", fiveHour}]});
            const gap = {timestamp: 31, accounts: [{label: "a"}]};
            const late = {timestamp: 90, accounts: [{label: "a", fiveHour: 2, sevenDay: 7}]};
            const entries = [at(10, 99), at(20, 100), at(30, 100), gap, at(80, 0), late];
            const found = seriesByLabel(entries).get("a");
            return [[...found.lines], gapsOf(found), loneReadings([1, null, 2, null, 3, 4]),
                    marksOf(found).map(({at, kind}) => [at, kind])];
        }"""
    )
    assert series == [
        [["fiveHour", [99, 100, 100, None, 0, 2]], ["sevenDay", [None] * 5 + [7]]],
        [[30, 80]],
        [0, 2],
        [[20, "hit"], [80, "reset"]],
    ]


def test_every_file_of_the_page_has_its_use_and_says_it() -> None:
    """No module and no style sheet is left over, and each begins with what it is for."""
    static = Path(__file__).parents[2] / "cldmon/web/static"
    texts = {path.name: path.read_text(encoding="utf-8") for path in static.glob("*/*.[cj]s*")}
    ours = {name: text for name, text in texts.items() if not name.startswith("uPlot")}
    for name, text in ours.items():
        assert text.startswith(("// ", "/* ")), name
        users = {path.name for path in static.rglob("*.*s*") if f"/{name}" in path.read_text()}
        index = (static / "index.html").read_text()
        assert users - {name} or f"/{name}" in index, name
