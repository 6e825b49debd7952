"""The dashboard with captured responses: windows, money, pools, saved resets."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from cldmon.domain.model import Account, Credits, Reading, Window
from cldmon.domain.windows import FIVE_HOUR, SEVEN_DAY
from tests import captures
from tests.browser.pages.test_dashboard_access import violations
from tests.browser.server import EXPIRED, MINUTE, ServerFixture, ThreadedServer, capture, now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

    from tests.browser.pages.conftest import OpenVisit, StartServer
    from tests.browser.visit import Visit

ULTRA, SURFACES, OVERDUE = "ultra-without-session", "scoped-by-surface", "overdue"
CREDITS_OFF, SPEND, SAVED, POOL = "credits-off", "spend-only", "saved-resets", "pool-used-up"
CAPTURED = (ULTRA, SURFACES, OVERDUE, CREDITS_OFF, SPEND, SAVED, POOL)
TEAM, BROKEN, FREE = "team", "broken", "free"
LOST = "models.Fable"


def build_accounts() -> list[Account]:
    """Return an account of each shape, one of a Team, one in error, and one without any limit."""
    shown = [capture(name) for name in CAPTURED]
    team, broken = capture("team-seat"), capture(POOL, at=now() - 180 * MINUTE, failure=EXPIRED)
    assert team.reading
    assert broken.reading
    money = Credits(123_456, 200_000, "EUR", 2, shared=True)
    off = Credits(415, 2000, "EUR", 2, enabled=False, reason="user_disabled")
    return [
        *shown,
        replace(team, label=TEAM, reading=replace(team.reading, credits=money)),
        replace(broken, label=BROKEN, reading=replace(broken.reading, credits=off)),
        Account(FREE, Reading(now(), {}, "Free")),
    ]


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerFixture]:
    """A dashboard without Slack, with these accounts."""
    accounts = build_accounts()
    labels = tuple(account.label for account in accounts)
    with ThreadedServer(tmp_path_factory.mktemp("limits"), labels=labels) as server:
        readings = {minutes: build_readings(minutes) for minutes in range(0, 300, 10)}
        server.write_window_history(readings)
        server.complete_pass(*accounts)
        yield server


@pytest.fixture(scope="module")
def visitor(limits: ServerFixture, shared_visit: OpenVisit) -> Visit:
    """A visit for the tests that only look at it."""
    return shared_visit(limits)


def build_readings(minutes: int) -> dict[str, dict[str, int]]:
    """Return what was read so many minutes ago: Ultra had a session and another model then.

    An older cldmon took credit pools for windows.
    """
    before = {FIVE_HOUR: 100, LOST: 7} if minutes >= 150 else {}
    surfaces = {FIVE_HOUR: 10, SEVEN_DAY: 40, "scoped.Fable · Cowork": 61, "monthlySpend": 5}
    pooled = {"cinderCove": 100} if minutes in (50, 60) else {FIVE_HOUR: 8, "cinderCove": 100}
    return {ULTRA: {**before, SEVEN_DAY: 12}, SURFACES: surfaces, POOL: pooled, FREE: {}}


def titles(card: Locator) -> list[str]:
    return card.locator(".window").all_text_contents()


def test_only_windows_that_an_account_has_are_shown(visitor: Visit) -> None:
    expect(visitor.card(ULTRA)).to_contain_text("Ultra")
    assert titles(visitor.card(ULTRA)) == ["Weekly: all models", "Weekly: Fable only"]
    assert titles(visitor.card(SPEND)) == ["Monthly spend"]
    assert titles(visitor.card(SURFACES)) == [
        "Current session",
        "Weekly: all models",
        "Weekly: Claude Design only",
        "Weekly: Fable only",
        "Weekly: Fable · Cowork only",
        "Weekly: claude-opus-5 only",
    ]
    assert titles(visitor.card(FREE)) == []
    expect(visitor.card(FREE)).to_contain_text("No limits reported for this account.")
    expect(visitor.page.locator("#cards")).not_to_contain_text("null")


def test_an_overdue_reset_keeps_its_percentage_and_level(visitor: Visit) -> None:
    card = visitor.card(OVERDUE)
    week = card.locator(".meter", has_text="Weekly: all models")
    expect(week.get_by_role("meter")).to_have_attribute("aria-valuetext", "97% Nearly full")
    expect(week.locator(".reset")).to_have_text(
        re.compile(r"^Reset overdue since (\w{3} )?\d\d:\d\d$")
    )
    expect(card).not_to_contain_text("Reset due")


def test_while_a_page_is_left_alone_a_reset_becomes_due_but_not_one_that_was_overdue(
    new_server: StartServer, visit: OpenVisit
) -> None:
    """Without new data: the server is unreachable."""
    server = new_server(labels=("a",))
    resets = {FIVE_HOUR: now() + 5 * MINUTE, SEVEN_DAY: now() - 5 * MINUTE}
    reading = Reading(now(), {name: Window(95, at) for name, at in resets.items()})
    server.complete_pass(Account("a", reading))
    visitor = visit(server, clock=True)
    card = visitor.card("a")
    session = card.get_by_role("meter", name="Current session")
    expect(session).to_have_attribute("aria-valuenow", "95")
    visitor.expect("ERR_INTERNET_DISCONNECTED")
    visitor.page.context.set_offline(True)
    visitor.page.clock.fast_forward(6 * 60_000)
    expect(card).to_contain_text(re.compile(r"Reset due since (\w{3} )?\d\d:\d\d"))
    expect(session).to_have_count(0)
    expect(card.locator(".meter").first).to_have_attribute("data-level", "unknown")
    expect(card.get_by_role("meter", name="Weekly: all models")).to_have_attribute(
        "aria-valuenow", "95"
    )


def test_credits_are_shown_and_why_they_are_off(visitor: Visit) -> None:
    expect(visitor.card(CREDITS_OFF)).to_contain_text("€23.90 of €24.00")
    expect(visitor.card(CREDITS_OFF)).to_contain_text("Off: out of credits")
    expect(visitor.card(SPEND)).to_contain_text("US$17.50 of US$280.00")
    expect(visitor.card(SPEND)).not_to_contain_text("Off")
    money = visitor.card(TEAM).get_by_role("meter", name="Usage credits (organization)")
    expect(money).to_have_attribute("aria-valuetext", "61%, €1,234.56 of €2,000.00")
    expect(visitor.card(ULTRA)).not_to_contain_text("Usage credits")


def test_a_pool_has_a_bar_without_a_level_also_when_it_is_used_up(visitor: Visit) -> None:
    pool = visitor.card(POOL).get_by_role("meter", name="Code and Cowork credit")
    expect(pool).to_have_attribute("aria-valuetext", "100%, US$800.00 of US$800.00")
    note = visitor.card(POOL).locator(".allowance-note")
    expect(note).to_have_text(re.compile(r"^Expires \d+ \w{3}$"))
    expect(visitor.card(POOL)).not_to_contain_text("Limit hit")
    neutral = visitor.card(ULTRA).get_by_role("meter", name="Cloud session credit")
    colour = "bar => getComputedStyle(bar.firstChild).backgroundColor"
    week = visitor.card(ULTRA).get_by_role("meter", name="Weekly: all models")
    assert pool.evaluate(colour) == neutral.evaluate(colour) != week.evaluate(colour)
    expect(visitor.page).to_have_title("97% · cldmon")


def test_saved_resets_are_counted(visitor: Visit) -> None:
    saved = visitor.card(SAVED).locator(".saved-resets")
    expect(saved).to_have_text(re.compile(r"^2 saved resets, the next ends \w{3},? \d\d:\d\d$"))


def test_an_account_in_error_shows_the_last_windows_and_money_dimmed(visitor: Visit) -> None:
    card = visitor.card(BROKEN)
    expect(card).to_have_attribute("data-live", "false")
    expect(card.get_by_role("meter", name="Weekly: all models")).to_have_attribute(
        "aria-valuetext", "20% at the last reading"
    )
    expect(card).to_contain_text("€4.15 of €20.00")
    expect(card).to_contain_text("Off: turned off in the account's settings")
    pool = card.get_by_role("meter", name="Code and Cowork credit")
    expect(pool.locator(".fill")).to_have_css("background-image", re.compile("gradient"))


def test_a_window_that_disappears_ends_its_line_and_is_not_a_gap_in_the_others(
    visitor: Visit,
) -> None:
    panel = visitor.panel(ULTRA)
    names = panel.locator(".series-name")
    expect(names).to_have_text(["5h", "7d", "7d Fable"])
    expect(panel.locator(".value")).to_have_text(["–", "12%", "–"])
    summary = panel.locator(".summary")
    expect(summary).to_contain_text("5h 100% throughout; 7d 12% throughout; 7d Fable 7% throughout")
    expect(summary).not_to_contain_text("gap")
    panel.get_by_text("Readings as a table").click()
    expect(panel.get_by_role("row")).to_have_count(31)
    expect(panel.get_by_role("table")).not_to_contain_text("no readings")


def test_scoped_windows_have_lines_and_one_that_is_not_there_has_none(visitor: Visit) -> None:
    names = visitor.panel(SURFACES).locator(".series-name")
    expect(names).to_have_text(["5h", "7d", "7d Fable · Cowork", "monthly spend"])
    expect(visitor.panel(FREE)).to_contain_text("No readings in this range.")


def test_a_pool_that_an_older_cldmon_took_for_a_window_is_in_no_chart(visitor: Visit) -> None:
    panel = visitor.panel(POOL)
    expect(panel.locator(".series-name")).to_have_text(["5h"])
    expect(panel.locator(".summary")).to_have_text("5h 8% throughout. No limit hit.")


@pytest.mark.parametrize("name", CAPTURED)
def test_a_card_shows_the_plan_and_the_windows_expected_of_a_capture(
    visitor: Visit, name: str
) -> None:
    expected = captures.load(name)["expect"]
    card = visitor.card(name)
    percents = card.locator(".meter .percent").all_inner_texts()
    assert sorted(percents) == sorted(f"{each}%" for each in expected["windows"].values())
    expect(card.locator(".plan")).to_have_text(expected.get("plan", re.compile(r"\w+")))
    expect(card.locator(".allowance", has_text="credit").locator(".bar")).to_have_count(
        len(expected.get("pools", ())) + len([key for key in expected if key == "credits"])
    )


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1440, "light")])
def test_it_is_accessible_and_fits(
    limits: ServerFixture, visit: OpenVisit, width: int, scheme: str
) -> None:
    visitor = visit(limits, viewport={"width": width, "height": 900}, color_scheme=scheme)
    expect(visitor.chart(ULTRA)).to_be_visible()
    assert not visitor.is_too_wide()
    assert violations(visitor.page) == []
