"""Answers of shapes that no capture has, from the real parser to what `status` shows of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from typing import Any

from cldmon.claude.organization import find_candidates
from cldmon.claude.usage import parse
from cldmon.demo.claude import SimOrganization
from cldmon.domain.events import EventKind, WindowAlerts
from cldmon.domain.freshness import build_views
from cldmon.domain.model import Account, Reading, Snapshot
from cldmon.domain.summary import summarize
from cldmon.domain.usage import usage_to_json
from cldmon.notifications.detection import ResetRule, Rules, detect
from cldmon.terminal.line import format_line
from cldmon.terminal.status import Page, format_table
from cldmon.terminal.style import Terminal
from tests.fakes import NOON
from tests.simulation.usage_json import credit_pool, instant, usage, usage_credits

SESSION_END, WEEK_END = NOON + timedelta(hours=2, minutes=14), NOON + timedelta(days=3)
PRO = SimOrganization("11111111-1111-4111-8111-000000000001")
MAX = replace(PRO, capabilities=("chat", "claude_max"), rate_limit_tier="default_claude_max_5x")
ULTRA = replace(MAX, rate_limit_tier="default_claude_max_20x", plan_display_name="Ultra")
FREE = replace(PRO, capabilities=("chat",), billing_type=None)
PREMIUM_SEAT = replace(MAX, capabilities=("raven", "chat"), raven_type="team")
MISSING = {"utilization": 0, "resetsAt": None, "missing": True}


@dataclass(frozen=True)
class Shown:
    """What the outputs of `status` make of one account; `rows` are the table's, without bars."""

    rows: list[str]
    line: str
    account: dict[str, Any]

    @property
    def windows(self) -> list[tuple[str, int]]:
        return [(window["short"], window["utilization"]) for window in self.account["windows"]]


def read(answer: object, organization: SimOrganization = PRO) -> Reading:
    """Return the reading of an answer, of which every part is understood."""
    [chosen] = find_candidates([organization.as_json()])
    reading = parse(answer, taken_at=NOON, organization=chosen)
    assert reading
    assert reading.ignored == 0
    return reading


def show(answer: object, organization: SimOrganization = PRO) -> Shown:
    """Return what `status` shows right after the answer."""
    snapshot = Snapshot(NOON, (Account("alice", read(answer, organization)),))
    terminal, views = Terminal(80, colour=False, unicode=True), build_views(snapshot, NOON)
    text = format_table(views, Page(terminal, NOON, UTC))
    return Shown(
        [" ".join(re.sub("[█░▒·]{2,}", "", row).split()) for row in text.splitlines()],
        format_line(views, summarize(views, NOON), NOON, terminal),
        usage_to_json(snapshot, NOON)["accounts"][0],
    )


def body(five_hour: float | None = 41, seven_day: float | None = 63, **extra: object) -> Any:
    return usage(five_hour, seven_day, None, SESSION_END, WEEK_END, **extra)


def events(*answers: object, rule: ResetRule = ResetRule.ZERO) -> list[EventKind]:
    """Return what alerts follow from answers, shortly before the session ends."""
    at = SESSION_END - timedelta(minutes=30)
    state: dict[str, WindowAlerts] = {}
    kinds = []
    for answer in answers:
        found, state = detect("alice", state, read(answer).windows, at=at, rules=Rules(rule))
        kinds += [event.kind for event in found]
    return kinds


def test_an_account_with_only_the_weekly_window() -> None:
    shown = show(body(five_hour=None))
    assert shown.rows[1:] == ["alice · Pro · read just now", "7d 63% Wed 12:00 in 3d"]
    assert shown.line == "alice 7d 63%"
    assert (shown.windows, shown.account["fiveHour"]) == ([("7d", 63)], MISSING)


def test_a_free_account_without_any_window_is_shown_as_such() -> None:
    """No row, no error, no zero."""
    shown = show(body(None, None), FREE)
    assert shown.rows == ["alice · Free · read just now"]
    assert shown.line == "alice –"
    assert (shown.account["status"], shown.windows) == ("ok", [])
    assert (shown.account["fiveHour"], shown.account["sevenDay"]) == (MISSING, MISSING)


def test_a_temporary_session_of_an_ultra_account_comes_and_goes() -> None:
    answers = [body(five_hour) for five_hour in (None, 4, None)]
    titles = [[short for short, _ in show(answer, ULTRA).windows] for answer in answers]
    assert titles == [["7d"], ["5h", "7d"], ["7d"]]
    assert show(answers[1], ULTRA).rows[2] == "5h 4% 14:14 in 2h 14m"
    assert events(*answers) == []


def test_a_session_that_only_limits_has_is_shown() -> None:
    shown = show({**body(), "five_hour": None}, ULTRA)
    assert shown.windows == [("5h", 41), ("7d", 63)]


def test_more_than_a_hundred_percent_is_a_limit_that_was_hit() -> None:
    shown = show(body(106))
    assert shown.rows[2] == "5h 100% !! 14:14 in 2h 14m limit hit"
    assert shown.line == "alice 5h 100%!! (2h14m) 7d 63%"
    assert shown.account["windows"][0]["level"] == "full"
    assert events(body(99), body(106), body(106)) == [EventKind.LIMIT_HIT]


def test_a_window_may_run_without_a_reset_time() -> None:
    answer = body(41)
    answer["five_hour"]["resets_at"] = answer["limits"][0]["resets_at"] = None
    shown = show(answer)
    assert shown.rows[2:] == ["5h 41% –", "7d 63% Wed 12:00 in 3d"]
    window = shown.account["windows"][0]
    assert (window["resetsAt"], window["resetDue"], window["resetOverdue"]) == (None, False, False)


def test_reset_times_that_differ_by_a_second_are_one() -> None:
    """Whether they move from one answer to the next, or within one."""
    second = timedelta(seconds=1)
    answers = [
        usage(percent, 63, None, SESSION_END + shift, WEEK_END - shift)
        for percent, shift in ((98, -second), (100, second), (100, -second), (99, second))
    ]
    assert events(*answers, rule=ResetRule.WINDOW) == [EventKind.LIMIT_HIT]
    answer = body()
    answer["limits"][0]["resets_at"] = instant(SESSION_END + second)
    assert show(answer).windows == [("5h", 41), ("7d", 63)]


def test_money_may_be_spent_without_a_limit() -> None:
    shown = show(body(**usage_credits(1275, None)))
    assert shown.rows[-1] == "credits 12.75 EUR"
    money = shown.account["credits"]
    assert (money["used"], money["limit"], money["enabled"]) == (1275, None, True)


def test_a_window_with_dollars_is_a_window_and_no_pool() -> None:
    dollars = {"limit_dollars": 100, "used_dollars": 41, "remaining_dollars": 59}
    answer = body()
    for key in ("five_hour", "seven_day"):
        answer[key].update(dollars)
    answer["seven_day_opus"] = {"utilization": 12, "resets_at": instant(WEEK_END), **dollars}
    shown = show(answer)
    assert shown.windows == [("5h", 41), ("7d", 63), ("7d Opus", 12)]
    assert shown.account["pools"] == []


def test_a_pool_beside_a_full_window_is_shown_separately() -> None:
    pool = credit_pool(250, 250, WEEK_END, label="Welcome credit")
    shown = show(body(five_hour=None, seven_day=100, amber_ladder=pool), ULTRA)
    assert shown.rows[2:] == [
        "7d 100% !! Wed 12:00 in 3d limit hit",
        "Welcome credit 100% 250.00 of 250.00 USD expires 25 Nov",
    ]
    assert shown.line == "alice 7d 100%!! (3d)"


def test_a_premium_seat_is_of_the_team_and_its_money_is_the_organizations() -> None:
    shown = show(body(**usage_credits(4100, 50000)), PREMIUM_SEAT)
    assert shown.rows[1] == "alice · Team · read just now"
    assert shown.rows[-1] == "org credits 8% 41.00 of 500.00 EUR"
