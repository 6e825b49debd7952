"""The dashboard at any width, in any colour scheme, by keyboard and screen reader."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.env import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.pages.conftest import OpenVisit
    from tests.browser.server import ServerFixture
    from tests.browser.visit import Visit

AXE = Path(__file__).parents[3] / "web/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[Any]:
    """Return the violations that axe-core finds. The CSP forbids adding it as a script element."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(options)", options)
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violations(server: ServerFixture, visit: OpenVisit, scheme: str) -> None:
    visitor = visit(server, color_scheme=scheme)
    visitor.page.get_by_role("combobox").fill("o")
    expect(visitor.page.get_by_role("listbox")).to_be_visible()
    visitor.page.keyboard.press("ArrowDown")
    assert violations(visitor.page) == []
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("Enter")
    expect(visitor.chart("bob")).to_be_visible()
    visitor.panel("bob").get_by_text("Readings as a table").click()
    visitor.page.get_by_label("Compare accounts").select_option("Current session")
    expect(visitor.page.locator(".compare canvas")).to_be_visible()
    assert violations(visitor.page) == []


def test_axe_finds_no_violations_for_a_guest(guest: Visit) -> None:
    expect(guest.chart("bob")).to_be_visible()
    assert violations(guest.page) == []


def test_light_and_dark_follow_the_system(guest: Visit) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    guest.page.emulate_media(color_scheme="light")
    light = guest.page.evaluate(ground)
    guest.page.emulate_media(color_scheme="dark")
    dark = guest.page.evaluate(ground)
    assert brightness(light) > 200
    assert brightness(dark) < 60


def test_nothing_scrolls_sideways(server: ServerFixture, visit: OpenVisit) -> None:
    visitor = visit(server)

    def check_widths() -> None:
        for width in (2560, 1280, 768, 360):
            visitor.page.set_viewport_size({"width": width, "height": 740})
            wait_until(lambda: not visitor.is_too_wide())  # charts follow the window

    check_widths()
    visitor.log_in("strange")
    expect(visitor.chart("bob")).to_be_visible()
    assert not visitor.is_too_wide()
    check_widths()


def test_a_chart_fits_when_the_window_narrows(server: ServerFixture, visit: OpenVisit) -> None:
    visitor = visit(server, viewport={"width": 1280, "height": 740}).as_guest()
    expect(visitor.chart("bob")).to_be_visible()
    visitor.page.set_viewport_size({"width": 360, "height": 740})
    narrow = re.compile(r"^[123]\d\d(\.\d+)?px$")
    expect(visitor.page.locator(".uplot").first).to_have_css("width", narrow)
    assert not visitor.is_too_wide()


def test_the_keyboard_is_enough(own_server: ServerFixture, visit: OpenVisit) -> None:
    """Log in, switch an alert, change the range and log out, without a mouse."""
    visitor = visit(own_server)
    page = visitor.page
    keys = page.keyboard
    expect(page.get_by_role("combobox")).to_be_focused()
    keys.type("bak")
    expect(page.get_by_role("option")).to_have_count(1)
    keys.press("ArrowDown")
    expect(page.get_by_role("option")).to_have_attribute("aria-selected", "true")
    keys.press("Enter")
    keys.press("Enter")
    expect(visitor.card("alice")).to_be_visible()
    tab_to(page, "[data-key=limitHit]")
    keys.press("Space")
    expect(visitor.switch("alice", "Hit")).to_be_checked()
    expect(visitor.switch("alice", "Hit")).to_be_focused()
    tab_to(page, ".ranges button")
    keys.press("Enter")
    expect(visitor.range("1h")).to_have_attribute("aria-pressed", "true")
    tab_to(page, "#logout", key="Shift+Tab")
    keys.press("Enter")
    expect(page.get_by_role("combobox")).to_be_focused()


def test_escape_closes_the_list_and_then_clears_the_field(
    server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(server)
    field = visitor.page.get_by_role("combobox")
    field.fill("a")
    expect(visitor.page.get_by_role("listbox")).to_be_visible()
    visitor.page.keyboard.press("ArrowUp")
    last = visitor.page.get_by_role("option").last
    expect(last).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", last.get_attribute("id") or "")
    visitor.page.keyboard.press("Escape")
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(field).to_have_value("a")
    visitor.page.keyboard.press("Escape")
    expect(field).to_have_value("")


def test_reduced_motion_is_respected(guest: Visit) -> None:
    style = "getComputedStyle(document.querySelector('.fill')).transitionDuration"
    assert guest.page.evaluate(style) != "0s"
    guest.page.emulate_media(reduced_motion="reduce")
    assert guest.page.evaluate(style) == "0s"


def test_times_are_in_the_reader_s_zone_and_locale(server: ServerFixture, visit: OpenVisit) -> None:
    at_home = visit(server, timezone_id="Europe/Berlin", locale="en-GB").as_guest()
    far_away = visit(server, timezone_id="America/New_York", locale="en-US").as_guest()
    here = at_home.card("alice").locator(".at").first.text_content()
    there = far_away.card("alice").locator(".at").first.text_content()
    assert here
    assert there
    assert here != there
    assert there.endswith(("AM", "PM"))


def tab_to(page: Page, selector: str, key: str = "Tab") -> None:
    """Press Tab until something of this kind has the focus."""
    for _ in range(60):
        page.keyboard.press(key)
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


def brightness(colour: str) -> float:
    """Return the mean of a colour's parts, 0 to 255."""
    parts = [int(part) for part in colour.strip("rgb()").split(",")[:3]]
    return sum(parts) / len(parts)
