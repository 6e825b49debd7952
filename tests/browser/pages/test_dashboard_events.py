"""Events, lines that are left out, tables and loading in the history of the dashboard."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from cldmon.domain.events import Event, EventKind
from cldmon.domain.model import Window
from cldmon.domain.windows import SEVEN_DAY
from cldmon.store.history import format_line, get_day_path
from tests.browser.server import MINUTE, ServerFixture, now

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Route

    from tests.browser.pages.conftest import OpenVisit
    from tests.browser.visit import Visit


def write_minutes(server: ServerFixture, count: int) -> None:
    """Write a history with a reading of alice every minute up to half a minute ago."""
    last = now() - MINUTE / 2
    by_day = defaultdict(list)
    for at in (last - minutes * MINUTE for minutes in reversed(range(count))):
        windows = {SEVEN_DAY: Window(at.minute, None)}
        by_day[at.date()].append(format_line(at, {"alice": windows}) + "\n")
    for day, lines in by_day.items():
        get_day_path(server.data, day).write_text("".join(lines))


def toggle(visitor: Visit, label: str, line: str) -> Locator:
    """Return the button of the legend that hides and shows a line."""
    return visitor.panel(label).locator(".legend").get_by_role("button", name=line, exact=True)


def test_events_are_those_of_the_server_and_follow_the_zoom(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    """The history alone would show a hit that the server does not report, and none that it does."""
    own_server.write_history({n: {"alice": (100 if n < 300 else 5, 5)} for n in range(0, 420, 10)})
    at = now()
    for minutes, kind, window, percent in (
        (400, EventKind.ACCOUNT_FAILED, None, None),
        (390, EventKind.ACCOUNT_RECOVERED, None, None),
        (60, EventKind.THRESHOLD, SEVEN_DAY, 80),
        (50, EventKind.LIMIT_HIT, SEVEN_DAY, 100),
        (40, EventKind.LIMIT_CHANGED, SEVEN_DAY, 60),
    ):
        own_server.append_event(
            Event(kind, "alice", window, at - minutes * MINUTE, at, utilization=percent)
        )
    visitor = visit(own_server).as_guest()
    panel = visitor.panel("alice")
    entries = panel.locator(".events").get_by_role("listitem")
    expect(entries).to_have_text(
        [
            re.compile(
                r"◆.*Weekly: all models: limit changed, then at 60%, resets [^,]*\d\d:\d\d$"
            ),
            re.compile(r"▲.*Weekly: all models: limit hit, resets "),
            re.compile(r"✓.*Read again after an error$"),
        ]
    )
    panel.get_by_role("button", name="Show all 4 events").click()
    expect(entries).to_have_count(4)
    expect(entries.last).to_contain_text("Couldn't be read")
    visitor.range("1h").click()
    expect(entries).to_have_count(2)
    expect(panel.locator(".summary")).to_contain_text("Limit hit ")


def test_lines_are_left_out_and_chosen_and_the_choice_is_remembered(
    server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(server).as_guest()
    expect(toggle(visitor, "bob", "5h")).to_have_attribute("aria-pressed", "true")
    visitor.range("7d").click()
    expect(toggle(visitor, "bob", "5h")).to_have_attribute("aria-pressed", "false")
    note = visitor.panel("bob").get_by_text("Left out by default: 5h.")
    expect(note).to_be_visible()
    toggle(visitor, "bob", "5h").focus()
    visitor.page.keyboard.press("Enter")
    expect(note).to_be_hidden()
    toggle(visitor, "bob", "7d").click()
    visitor.page.reload()
    expect(toggle(visitor, "bob", "5h")).to_have_attribute("aria-pressed", "true")
    expect(toggle(visitor, "bob", "7d")).to_have_attribute("aria-pressed", "false")
    expect(toggle(visitor, "dave", "5h")).to_have_attribute("aria-pressed", "false")
    visitor.panel("bob").get_by_role("application").press("End")
    expect(visitor.page.locator("#announcer")).to_have_text(re.compile(r": 5h 100%$"))


def test_while_a_range_loads_the_old_chart_is_dimmed_and_the_button_is_busy(
    server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(server).as_guest()
    plot = visitor.panel("bob").locator(".plot")
    expect(visitor.chart("bob")).to_be_visible()
    held: list[Route] = []
    visitor.page.route("**/api/history?range=30d*", lambda route: held.append(route))
    visitor.range("30d").click()
    expect(visitor.range("30d")).to_have_attribute("aria-busy", "true")
    expect(plot).to_have_css("opacity", "0.4")
    expect(visitor.panel("bob").locator(".summary")).not_to_contain_text("2 times")
    held[0].continue_()
    expect(visitor.panel("bob").locator(".summary")).to_contain_text("gap of 2 d")
    expect(visitor.range("30d")).not_to_have_attribute("aria-busy", "true")
    expect(plot).to_have_css("opacity", "1")


def test_the_table_has_every_reading_of_what_the_chart_shows_or_says_that_it_has_not(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    """The chart itself is thinned."""
    write_minutes(own_server, 2100)
    visitor = visit(own_server).as_guest()
    panel = visitor.panel("alice")
    note = panel.locator(".readings .note")
    panel.get_by_text("Readings as a table").click()
    expect(note).to_have_text("All 1,440 readings.")
    expect(panel.get_by_role("row")).to_have_count(1441)
    visitor.range("7d").click()
    expect(note).to_have_text("The last 2,000 of 2,100 readings. Zoom in to see the others.")
    for _ in range(3):
        panel.get_by_role("application").press("+")
    expect(note).to_have_text(re.compile(r"^All 1,\d\d\d readings\.$"))
    visitor.expect("Failed to load resource")
    visitor.page.route(
        "**/api/history?range=5h&account=*",
        lambda route: route.fulfill(status=503, json={"error": "busy"}),
    )
    visitor.range("5h").click()
    expect(note).to_have_text(re.compile(r"^Only \d+ of the readings, .*: busy$"))


def test_a_card_leads_to_the_account_s_chart(server: ServerFixture, visit: OpenVisit) -> None:
    """Also a card that a row of the table has opened, and to the title without a chart."""
    visitor = visit(server).as_guest()
    for label in ("dave", "erin"):
        expect(visitor.panel(label)).to_be_attached()
    visitor.card("dave").get_by_role("button", name="History").click()
    expect(visitor.panel("dave").get_by_role("application")).to_be_focused()
    visitor.page.get_by_role("button", name="Show table").click()
    visitor.page.locator("#accounts").get_by_role("button", name="erin").click()
    visitor.page.get_by_role("button", name="History of erin").click()
    expect(visitor.panel("erin").get_by_role("heading")).to_be_focused()
