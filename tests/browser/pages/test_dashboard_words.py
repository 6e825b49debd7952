"""The dashboard's pure modules, called in a real browser."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cldmon.channels.slack.messages import build_alert
from cldmon.domain.events import Event, EventKind
from cldmon.domain.freshness import STALE_INTERVALS, build_views
from cldmon.domain.instants import format_clock, format_day, from_ms, round_to_minute, to_ms
from cldmon.domain.model import REPORT, Account, Failure, FailureKind, Reading, Snapshot, Window
from cldmon.domain.summary import summarize
from cldmon.domain.usage import usage_to_json
from cldmon.domain.windows import FIVE_HOUR, WINDOW_KINDS, short_title, sort_for_display, title
from cldmon.terminal.style import Terminal
from cldmon.terminal.summary import format_summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.browser.server import ServerFixture

NOON = 1_795_345_200_000
"""Noon in Berlin on 22 November 2026, in ms."""
BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@pytest.fixture(scope="module")
def page(chromium: Browser, server: ServerFixture) -> Iterator[Page]:
    """A page that can load the modules."""
    with chromium.new_context(locale="en-GB", timezone_id="Europe/Berlin") as context:
        page = context.new_page()
        page.goto(server.url)
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
def test_a_duration_has_its_two_largest_units(page: Page, ms: int, words: str) -> None:
    assert call(page, "time", "formatDuration", ms) == words


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
def test_an_interval_is_exact(page: Page, ms: int, words: str) -> None:
    assert call(page, "time", "formatInterval", ms) == words


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (NOON + HOUR, "at 13:00"),
        (NOON + DAY, "on Mon 12:00"),
        (NOON - 20 * DAY, "on 2 Nov, 12:00"),
    ],
)
def test_an_instant_has_as_much_of_the_date_as_it_needs(page: Page, ms: int, words: str) -> None:
    assert call(page, "time", "formatWhen", ms, NOON) == words


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
    assert call(page, "time", "formatClock", ms, NOON) == clock_time
    assert call(page, "time", "formatWhen", ms, NOON).endswith(clock_time)
    assert clock_time.split()[-1] in call(page, "time", "formatFull", ms)
    assert format_clock(instant, noon, BERLIN) == clock_time
    assert call(page, "time", "formatDay", ms) == format_day(instant, BERLIN)
    assert (format_day(instant, BERLIN) == "23 Nov") == ("Mon" in clock_time)
    message = build_alert([Event(EventKind.LIMIT_HIT, "alice", "fiveHour", noon, instant)], noon)
    assert f"Resets {in_utc}." in message.text
    assert f"<!date^{round(round_to_minute(instant).timestamp())}^" in str(message.blocks)


def test_the_times_of_a_table_have_their_zone_where_the_clock_shows_one_of_them_twice(
    page: Page,
) -> None:
    """On 25 October 2026 it goes back from 3 to 2 in Berlin."""
    first = 1_792_887_300_000
    assert call(page, "time", "formatTimestamps", [first, first + HOUR]) == [
        "25 Oct 2026, 02:15:00 CEST",
        "25 Oct 2026, 02:15:00 CET",
    ]
    assert call(page, "time", "formatTimestamps", [first - HOUR, first + 2 * HOUR]) == [
        "25 Oct 2026, 01:15:00",
        "25 Oct 2026, 03:15:00",
    ]


def test_a_time_axis_names_the_day_where_it_begins(page: Page) -> None:
    evening = [NOON + hours * HOUR for hours in (6, 9, 12, 15)]
    assert call(page, "ticks", "formatTicks", evening, NOON) == [
        "18:00\nSun 22",
        "21:00",
        "00:00\nMon 23",
        "03:00",
    ]
    assert call(page, "ticks", "formatTicks", evening[:2], NOON) == ["18:00", "21:00"]
    assert call(page, "ticks", "formatTicks", [NOON + 12 * HOUR], NOON) == ["Mon 23"]


def window(**values: Any) -> dict[str, Any]:
    """Return a window as the page holds it."""
    usual = {"name": "fiveHour", "percent": 40, "resetsAt": NOON + HOUR, "forecast": None}
    return {**usual, "due": False, "overdue": False, **values}


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
def test_a_forecast_is_a_sentence(page: Page, forecast: Any, words: str) -> None:
    assert call(page, "messages", "describeForecast", window(forecast=forecast), NOON) == words


def test_without_a_reset_time_nothing_is_made_up(page: Page) -> None:
    idle = call(page, "messages", "describeReset", window(percent=0, resetsAt=None), NOON)
    assert idle == {"lead": "No active session", "at": "", "left": ""}
    week = window(name="sevenDay", resetsAt=None)
    assert call(page, "messages", "describeReset", week, NOON)["lead"] == "Reset time unknown"


@pytest.mark.parametrize(
    ("error", "label", "step"),
    [
        ("key_expired", "dave", "Run on a machine with a display: cldmon login dave"),
        ("key_missing", "o'neil", "Store a key on the server: cldmon login 'o'\\''neil'"),
        ("wrong_organization", "bob", "If it lasts, get a new key: cldmon login bob"),
        ("challenged", "bob", "The key may be fine. Run cldmon doctor"),
        ("unexpected", "bob", "Run on the server and report the output: cldmon --debug fetch"),
        ("not_understood", "bob", "For details, run cldmon doctor"),
        ("toString", "bob", "For details, run cldmon doctor"),
    ],
)
def test_every_error_that_needs_action_has_a_next_step(
    page: Page, error: str, label: str, step: str
) -> None:
    view = {"errorKind": error, "needsAction": True, "retryAt": NOON + HOUR, "label": label}
    assert "".join(call(page, "messages", "suggestNextStep", view, NOON)) == step


@pytest.mark.parametrize(
    ("error", "retry_at", "step"),
    [
        ("rate_limited", NOON + HOUR, "Nothing to do: cldmon will retry after 13:00."),
        ("rate_limited", NOON, "The next pass will retry."),
        ("service_down", None, "The next pass will retry."),
        ("challenged", None, "The next pass will retry."),
    ],
)
def test_an_error_that_recovers_says_when_the_next_try_is(
    page: Page, error: str, retry_at: int | None, step: str
) -> None:
    view = {"errorKind": error, "needsAction": False, "retryAt": retry_at, "label": "bob"}
    assert "".join(call(page, "messages", "suggestNextStep", view, NOON)) == step


def summary_of(page: Page, *accounts: Account, after: int = 0) -> list[str]:
    """Return the groups of the banner, so many ms after the response of noon."""
    usage = usage_to_json(Snapshot(from_ms(NOON), accounts), from_ms(NOON))
    groups = page.evaluate(
        """async ([usage, now]) => {
            const {viewAccounts} = await import("/js/usage.js");
            const {describeSummary} = await import("/js/messages.js");
            return describeSummary(viewAccounts(usage, now), now);
        }""",
        [usage, NOON + after],
    )
    return [
        " | ".join(
            [
                group["lead"],
                *(", ".join(item["labels"]) + item["text"] for item in group["items"]),
            ]
        )
        for group in groups
    ]


def read(label: str, *, used: int = 5, reset: int | None = None, ago: int = 0) -> Account:
    """Return an account read `ago`, whose session resets at `reset`; both in ms."""
    session = Window(used, from_ms(reset) if reset else None)
    return Account(label, Reading(from_ms(NOON - ago), {FIVE_HOUR: session}))


def failed(label: str, kind: FailureKind, retry_at: int | None = None) -> Account:
    return Account(label, None, Failure(kind, "words", from_ms(retry_at) if retry_at else None))


def test_the_summary_names_limits_and_errors_by_who_must_act(page: Page) -> None:
    assert summary_of(
        page,
        read("alice", used=100),
        read("bob", used=100, reset=NOON + 34 * MINUTE),
        failed("carol", FailureKind.RATE_LIMITED, NOON + 146 * MINUTE),
        failed("dave", FailureKind.KEY_EXPIRED),
        read("erin", ago=HOUR),
        Account("frank", None),
    ) == [
        "2 of 6 at a limit | bob until 12:34 | alice",
        "Needs action | dave: session key expired",
        "Recovers by itself | carol: rate limited until 14:26",
        "Stale | erin",
    ]


def test_the_summary_says_what_is_still_true_of_an_older_response(page: Page) -> None:
    bob = read("bob", used=100, reset=NOON + 20 * MINUTE)
    carol = failed("carol", FailureKind.RATE_LIMITED, NOON + 20 * MINUTE)
    accounts = bob, carol, read("erin", ago=5 * MINUTE)
    expected = {
        19: ["1 of 3 at a limit | bob until 12:20", "carol: rate limited until 12:20"],
        20: ["None known at a limit", "carol: rate limited"],
        28: ["None known at a limit", "carol: rate limited", "Stale | erin"],
        31: ["No current readings", "carol: rate limited"],
    }
    for minutes, lines in expected.items():
        found = summary_of(page, *accounts, after=minutes * MINUTE)
        assert [line.removeprefix("Recovers by itself | ") for line in found] == lines


@pytest.mark.parametrize(
    ("accounts", "lines"),
    [
        ([], []),
        ([read("a")], []),
        ([Account("a", None)], []),
        ([read("a", used=100, reset=NOON + DAY)], ["At a limit | a until Mon 12:00"]),
        ([failed("a", FailureKind.TIMEOUT)], ["Recovers by itself | a: timed out"]),
        ([read("a", ago=HOUR)], ["Stale | a"]),
        ([read("a"), read("b")], ["None of 2 at a limit"]),
        ([read("a", ago=HOUR), read("b", ago=HOUR)], ["No current readings"]),
    ],
)
def test_a_single_account_has_a_summary_only_if_there_is_something_to_say(
    page: Page, accounts: list[Account], lines: list[str]
) -> None:
    assert summary_of(page, *accounts) == lines


def test_accounts_with_the_same_error_are_one_item_with_the_last_retry(page: Page) -> None:
    retries = [NOON + minutes * MINUTE for minutes in (5, 25, 10)]
    assert summary_of(
        page,
        read("a"),
        *(failed(f"b{n}", FailureKind.RATE_LIMITED, at) for n, at in enumerate(retries)),
        failed("c", FailureKind.TIMEOUT),
        failed("d", FailureKind.KEY_EXPIRED),
        failed("e", FailureKind.KEY_EXPIRED),
    )[1:] == [
        "Needs action | d, e: session key expired",
        "Recovers by itself | b0, b1, b2: rate limited until 12:25 | c: timed out",
    ]


@pytest.mark.parametrize(("count", "shown", "more"), [(0, 0, 0), (6, 6, 0), (7, 5, 2), (40, 5, 35)])
def test_a_long_list_is_folded(page: Page, count: int, shown: int, more: int) -> None:
    everything = list(range(count))
    assert call(page, "messages", "fold", everything) == [everything[:shown], more]


@given(st.lists(st.none() | st.integers(0, 100)), st.booleans())
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sorting_keeps_equal_accounts_in_order_and_unknown_ones_last(
    page: Page, percents: list[int | None], descending: bool
) -> None:
    items = [
        [str(n), {"view": {"state": "live", "windows": [window(percent=percent)]}}]
        for n, percent in enumerate(percents)
    ]
    key = {"key": "window fiveHour", "isDescending": descending}
    found = [int(label) for label, _ in call(page, "sorting", "sortAccounts", items, key)]
    known = [n for n, percent in enumerate(percents) if percent is not None]
    unknown = [n for n, percent in enumerate(percents) if percent is None]
    sign = -1 if descending else 1
    assert found == sorted(known, key=lambda n: sign * (percents[n] or 0)) + unknown


@pytest.mark.parametrize("kind", FailureKind)
def test_errors_are_called_the_same_on_the_page_and_in_the_terminal(
    page: Page, kind: FailureKind
) -> None:
    snapshot = Snapshot(from_ms(NOON), (read("a"), failed("b", kind)))
    views = build_views(snapshot, from_ms(NOON))
    terminal = Terminal(columns=80, colour=False, unicode=True)
    line = format_summary(summarize(views, from_ms(NOON)), views, from_ms(NOON), terminal)
    name = line.split(" · ")[1].removesuffix(" (recovers by itself)")
    assert summary_of(page, *snapshot.accounts)[1].split(" | ")[1] == name


NAMES = [
    *(kind.name for kind in WINDOW_KINDS),
    "sevenDayOmelettePromotional",
    "sevenDay2ndTry",
    "sevenDayTangelo · Cowork",
    "models.Fable",
    "models.claude-opus-5",
    "scoped.Claude Design",
    "scoped.Fable · Cowork",
    "monthlySpend",
    "monthlySpend · Claude Design",
    "unknown",
]


def names_of(page: Page, names: list[str], usage: dict[str, Any]) -> Any:
    """Return names in order, each with its title and its short title, as the page has them."""
    return page.evaluate(
        """async ([all, usage]) => {
            const {WindowNames} = await import("/js/names.js");
            const names = new WindowNames(usage);
            return names.sort(all).map((name) => [name, names.title(name), names.short(name)]);
        }""",
        [names, usage],
    )


@given(st.permutations(NAMES))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_windows_of_the_past_are_named_and_ordered_as_everywhere(
    page: Page, names: list[str]
) -> None:
    kinds = [{"name": k.name, "title": k.title, "short": k.short} for k in WINDOW_KINDS]
    assert names_of(page, names, {"windowKinds": kinds, "accounts": []}) == [
        [name, title(name), short_title(name)] for name in sort_for_display(names)
    ]


def test_a_window_is_called_what_the_server_calls_it(page: Page) -> None:
    """Also in the history of an account that is in error."""
    known = {"name": "scoped.X", "title": "Weekly: the X", "short": "X"}
    account = {"status": "error", "lastGood": {"windows": [known]}}
    usage = {"windowKinds": [], "accounts": [account, {"status": "error", "lastGood": None}]}
    assert names_of(page, ["scoped.X"], usage) == [["scoped.X", "Weekly: the X", "X"]]


def test_a_page_left_alone_calls_a_reading_stale_when_the_server_would(page: Page) -> None:
    """The server says until when; the page compares that with its clock."""
    interval = timedelta(minutes=10)
    read_at, last = from_ms(NOON), from_ms(NOON) + STALE_INTERVALS * interval
    snapshot = Snapshot(read_at, (Account("a", Reading(read_at, {})),), interval)
    [account] = usage_to_json(snapshot, read_at)["accounts"]
    for now, state, is_stale in (
        (last, "live", False),
        (last + timedelta(milliseconds=1), "stale", True),
    ):
        assert call(page, "usage", "viewAccount", account, to_ms(now))["state"] == state
        assert usage_to_json(snapshot, now)["accounts"][0]["stale"] is is_stale


def test_money_is_written_as_the_reader_writes_it(page: Page) -> None:
    euros = {"currency": "EUR", "exponent": 2}
    assert call(page, "money", "formatMoney", 123_456, euros) == "€1,234.56"
    yen = {"currency": "JPY", "exponent": 0}
    assert call(page, "money", "formatMoney", 900, yen) == "JP¥900"
    assert (
        call(page, "money", "formatMoney", 50, {"currency": "credits", "exponent": 1})
        == "5.0 credits"
    )


def credits_(**values: Any) -> dict[str, Any]:
    """Return usage credits as in the API."""
    usual = {"used": 415, "limit": 2000, "currency": "EUR", "exponent": 2}
    return {**usual, "enabled": True, "reason": None, "shared": False, **values}


@pytest.mark.parametrize(
    ("values", "amount", "percent", "note"),
    [
        ({}, "€4.15 of €20.00", 20, ""),
        ({"limit": None}, "€4.15", None, ""),
        ({"limit": 0}, "€4.15 of €0.00", None, ""),
        ({"used": None}, "limit €20.00", None, ""),
        ({"used": 2500}, "€25.00 of €20.00", 100, ""),
        ({"enabled": False}, "€4.15 of €20.00", 20, "Off"),
        (
            {"enabled": False, "reason": "spend_limit_reached"},
            "€4.15 of €20.00",
            20,
            "Off: spend limit reached",
        ),
        (
            {"used": None, "limit": None, "enabled": False, "reason": "user_disabled"},
            "",
            None,
            "Off: turned off in the account's settings",
        ),
        ({"enabled": False, "reason": "toString"}, "€4.15 of €20.00", 20, "Off: toString"),
    ],
)
def test_credits_say_what_is_known_of_them(
    page: Page, values: dict[str, Any], amount: str, percent: int | None, note: str
) -> None:
    row = call(page, "money", "buildCreditsRow", credits_(**values))
    assert row == {"title": "Usage credits", "amount": amount, "percent": percent, "note": note}


def test_credits_of_an_organization_are_called_so(page: Page) -> None:
    row = call(page, "money", "buildCreditsRow", credits_(shared=True))
    assert row["title"] == "Usage credits (organization)"


@pytest.mark.parametrize(
    ("values", "amount", "percent", "note"),
    [
        ({}, "€4.15 of €20.00", 21, "Expires 22 Dec"),
        ({"utilization": None}, "€4.15 of €20.00", 20, "Expires 22 Dec"),
        ({"used": None, "limit": None}, "21%", 21, "Expires 22 Dec"),
        ({"expiresAt": None}, "€4.15 of €20.00", 21, ""),
        ({"expiresAt": "2026-11-20T11:00:00.000Z"}, "€4.15 of €20.00", 21, "Expired 20 Nov"),
    ],
)
def test_a_pool_says_what_is_left_of_it_and_when_it_expires(
    page: Page, values: dict[str, Any], amount: str, percent: int, note: str
) -> None:
    usual = {"title": "Credit", "utilization": 21, "expiresAt": "2026-12-22T11:00:00.000Z"}
    row = call(page, "money", "buildPoolRow", {**credits_(), **usual, **values}, NOON)
    assert row == {"title": "Credit", "amount": amount, "percent": percent, "note": note}


@pytest.mark.parametrize(
    ("left", "ends_at", "words"),
    [
        (0, None, ""),
        (2, None, "2 saved resets"),
        (1, "2026-11-25T20:37:00.000Z", "1 saved reset, ends Wed 21:37"),
        (2, "2026-11-25T20:37:00.000Z", "2 saved resets, the next ends Wed 21:37"),
        (2, "2026-11-22T10:37:00.000Z", "2 saved resets, the next ended 11:37"),
    ],
)
def test_saved_resets_are_a_sentence(
    page: Page, left: int, ends_at: str | None, words: str
) -> None:
    saved = {"left": left, "endsAt": ends_at}
    assert call(page, "money", "describeSavedResets", saved, NOON) == words


def test_a_reset_that_is_overdue_has_no_countdown(page: Page) -> None:
    overdue = window(resetsAt=NOON - HOUR, overdue=True)
    assert call(page, "messages", "describeReset", overdue, NOON) == {
        "lead": "Reset overdue since",
        "at": "11:00",
        "left": "",
    }


def test_gaps_and_lone_readings_are_found(page: Page) -> None:
    series = page.evaluate(
        """async () => {
            const {buildSeries, findGaps, findLoneReadings} = await import("/js/series.js");
            const at = (timestamp, fiveHour) => ({timestamp, accounts: [{label: "a", fiveHour}]});
            const gap = {timestamp: 31, accounts: [{label: "a"}]};
            const late = {timestamp: 90, accounts: [{label: "a", fiveHour: 2, sevenDay: 7}]};
            const entries = [at(10, 99), at(20, 100), at(30, 100), gap, at(80, 0), late];
            const names = {sort: (all) => [...all].sort(), isPool: () => false};
            const found = buildSeries(entries, names).get("a");
            return [[...found.lines], findGaps(found),
                    findLoneReadings([1, null, 2, null, 3, undefined, 4])];
        }"""
    )
    assert series == [
        [["fiveHour", [99, 100, 100, None, 0, 2]], ["sevenDay", [None] * 5 + [7]]],
        [[30, 80]],
        [0, 2],
    ]


def test_a_window_that_an_account_no_longer_has_is_not_a_gap(page: Page) -> None:
    """Nor is what it had for a while, nor that it had none at all before or after."""
    found = page.evaluate(
        """async () => {
            const {buildSeries, findGaps} = await import("/js/series.js");
            const at = (timestamp, windows) => ({timestamp, accounts: [{label: "a", ...windows}]});
            const entries = [
                at(5, {}),
                at(10, {fiveHour: 99, sevenDay: 1, scoped: {"Claude Design": 3}}),
                at(20, {sevenDay: 2}),
                at(30, {sevenDay: 3, models: {Fable: 4}}),
                at(40, {sevenDay: 4}),
                at(50, {}),
            ];
            const names = {sort: (all) => [...all].sort(), isPool: () => false};
            const series = buildSeries(entries, names).get("a");
            return [[...series.lines], findGaps(series)];
        }"""
    )
    assert found == [
        [
            ["fiveHour", [None, 99, None, None, None, None]],
            ["models.Fable", [None, None, None, 4, None, None]],
            ["scoped.Claude Design", [None, 3, None, None, None, None]],
            ["sevenDay", [None, 1, 2, 3, 4, None]],
        ],
        [],
    ]


def test_every_file_of_the_page_is_used_and_begins_with_its_purpose() -> None:
    """No module or style sheet is unused, and each begins with its purpose."""
    static = Path(__file__).parents[3] / "cldmon/web/static"
    texts = {path.name: path.read_text(encoding="utf-8") for path in static.glob("*/*.[cj]s*")}
    ours = {name: text for name, text in texts.items() if not name.startswith("uPlot")}
    assert ours
    for name, text in ours.items():
        assert text.startswith(("// ", "/* ")), name
        users = {path.name for path in static.rglob("*.*s*") if f"/{name}" in path.read_text()}
        index = (static / "index.html").read_text()
        assert users - {name} or f"/{name}" in index, name


@pytest.mark.parametrize(
    ("minutes", "age", "about"),
    [
        (0, "Read just now", ""),
        (180, "Last report 3 h ago", "last report 3 h ago"),
        (None, "No report yet", ""),
    ],
)
def test_an_account_by_report_says_when_it_reported_last(
    page: Page, minutes: int | None, age: str, about: str
) -> None:
    at = from_ms(NOON)
    reading = None
    if minutes is not None:
        reading = Reading(at - timedelta(minutes=minutes), {}, source=REPORT)
    account = Account("alice", reading, reports_only=True)
    body = usage_to_json(Snapshot(at, (account,)), at)
    [view] = call(page, "usage", "viewAccounts", body, NOON)
    assert view["state"] != "error"
    assert call(page, "messages", "describeAge", view, NOON) == age
    assert call(page, "messages", "describeCondition", view, NOON) == about
