"""The charts of the dashboard in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from playwright.sync_api import expect

from tests.browser.pages.conftest import HISTORY
from tests.browser.server import LABELS

if TYPE_CHECKING:
    from tests.browser.pages.conftest import OpenVisit
    from tests.browser.server import ServerFixture
    from tests.browser.visit import Visit

IS_INKED = """charts => charts.map(chart => chart.getContext("2d")
    .getImageData(0, 0, chart.width, chart.height).data.some(byte => byte))"""
ON_PAPER = """matchMedia("print").addEventListener("change", ({matches}) => queueMicrotask(() => {
    if (matches) globalThis.shown = {
        charts: [...document.querySelectorAll(".plot canvas")].map(each => each.clientWidth),
        rooms: [...document.querySelectorAll(".plot")].map(each => each.clientWidth),
        ground: getComputedStyle(document.body).backgroundColor,
        ink: getComputedStyle(document.body).color,
    }
}))"""


def test_every_account_has_a_chart_of_its_own(guest: Visit) -> None:
    expect(guest.chart("alice")).to_be_visible()
    expect(guest.chart("bob")).to_be_visible()
    expect(guest.panel("erin")).to_contain_text("No readings in this range.")


def test_the_range_is_switched_and_kept_in_the_address(
    server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(server).as_guest()
    week = visitor.range("7d")
    expect(visitor.panel("bob")).not_to_contain_text(", reset on")
    week.click()
    expect(week).to_have_attribute("aria-pressed", "true")
    expect(visitor.panel("bob")).to_contain_text(", reset on")
    assert visitor.page.url.endswith("#range=7d")
    visitor.page.reload()
    expect(week).to_have_attribute("aria-pressed", "true")
    visitor.page.goto(visitor.server.url + "#range=5h")
    expect(visitor.range("5h")).to_have_attribute("aria-pressed", "true")


def test_the_summary_tells_extremes_limit_hits_and_gaps(
    server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(server).as_guest()
    expect(visitor.panel("bob").locator(".summary")).to_contain_text("5h 68–100%, last 100%")
    expect(visitor.panel("bob").locator(".summary")).to_contain_text("Limit hit ")
    visitor.range("7d").click()
    expect(visitor.panel("bob").locator(".summary")).to_contain_text("gap of 2 d")


def test_the_readings_are_there_as_a_table(guest: Visit) -> None:
    panel = guest.panel("bob")
    panel.get_by_text("Readings as a table").click()
    rows = panel.get_by_role("row")
    expect(rows.first).to_contain_text("5h")
    expect(rows).to_have_count(7)
    expect(panel.get_by_role("table")).to_contain_text("Current session: limit hit")


def test_the_crosshair_shows_values_in_all_charts(guest: Visit) -> None:
    plot = guest.panel("alice").locator(".u-over")
    expect(guest.chart("alice")).to_be_visible()
    expect(guest.panel("alice").locator(".when")).to_contain_text("Last:")
    box = plot.bounding_box()
    assert box
    plot.hover(position={"x": box["width"] * 0.6, "y": 40})
    for label in ("alice", "dave"):
        expect(guest.panel(label).locator(".when")).not_to_contain_text("Last:")
    assert guest.panel("alice").locator(".when").text_content() == (
        guest.panel("dave").locator(".when").text_content()
    )


def test_dragging_zooms_all_charts_and_updates_keep_the_zoom(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    own_server.write_history({n: {"alice": (n, 5), "bob": (n, 6)} for n in range(0, 90, 10)})
    visitor = visit(own_server).as_guest()
    plot = visitor.panel("alice").locator(".u-over")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    visitor.page.mouse.move(box["x"] + 100, box["y"] + 50)
    visitor.page.mouse.down()
    visitor.page.mouse.move(box["x"] + 250, box["y"] + 50, steps=3)
    visitor.page.mouse.up()
    reset = visitor.page.get_by_role("button", name="Reset zoom")
    expect(reset).to_be_visible()
    own_server.complete_pass()
    with visitor.page.expect_response("**/api/history*"):
        visitor.refresh()
    expect(reset).to_be_visible()
    reset.click()
    expect(reset).to_be_hidden()


def test_a_drag_over_half_of_the_charts_shows_half_of_the_time(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    """Once, though all charts follow the dragged one."""
    quarters = {n: {"alice": (n // 15, 5), "bob": (n // 15, 6)} for n in range(0, 1440, 15)}
    own_server.write_history(quarters)
    visitor = visit(own_server).as_guest()
    for label in ("bob", "alice"):
        expect(visitor.chart(label)).to_be_visible()
    plot = visitor.panel("alice").locator(".u-over")
    box = plot.bounding_box()
    assert box
    visitor.page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 50)
    visitor.page.mouse.down()
    visitor.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 50, steps=3)
    visitor.page.mouse.up()
    visitor.panel("bob").get_by_role("application").focus()
    shown = []
    for key in ("Home", "End"):
        visitor.page.keyboard.press(key)
        session = visitor.panel("bob").locator(".value").first.text_content() or ""
        shown.append(int(session.rstrip("%")))
    assert shown[0] - shown[1] > 40  # quarters of an hour


def test_charts_can_be_read_and_zoomed_by_keyboard(server: ServerFixture, visit: OpenVisit) -> None:
    visitor = visit(server).as_guest()
    chart = visitor.panel("bob").get_by_role("application")
    chart.focus()
    said = visitor.page.locator("#announcer")
    visitor.page.keyboard.press("End")
    expect(said).to_contain_text("5h 100%, 7d 90%")
    visitor.page.keyboard.press("ArrowLeft")
    visitor.page.keyboard.press("ArrowLeft")
    visitor.page.keyboard.press("ArrowLeft")
    expect(said).to_contain_text("5h 88%")
    visitor.page.keyboard.press("+")
    expect(visitor.page.get_by_role("button", name="Reset zoom")).to_be_visible()
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.get_by_role("button", name="Reset zoom")).to_be_hidden()


def test_a_history_that_could_not_be_loaded_is_requested_again(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(own_server, clock=True)
    visitor.expect("Failed to load resource")
    visitor.page.route(
        "**/api/history*", lambda route: route.fulfill(status=503, json={"error": "busy"}), times=1
    )
    visitor.as_guest()
    problem = visitor.page.get_by_text("Can't show the history: busy")
    expect(problem).to_be_visible()
    visitor.page.clock.fast_forward(15_000)
    expect(problem).to_be_hidden()


def test_without_the_chart_library_there_are_tables_and_with_it_charts_again(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    own_server.write_history(HISTORY)
    visitor = visit(own_server)
    visitor.expect("Failed to load resource")
    visitor.page.route("**/vendor/*", lambda route: route.fulfill(status=404))
    visitor.as_guest()
    expect(visitor.panel("bob").get_by_role("table")).to_be_visible()
    expect(visitor.panel("bob").locator("canvas")).to_have_count(0)
    missing = visitor.page.get_by_text("chart library isn't installed")
    expect(missing).to_be_visible()
    visitor.page.unroute_all()
    own_server.complete_pass()
    visitor.refresh()
    expect(visitor.chart("bob")).to_be_visible()
    expect(missing).to_be_hidden()


def test_a_capture_of_the_whole_page_shows_the_charts_out_of_sight(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    own_server.write_history({n: dict.fromkeys(LABELS, (n, 5)) for n in range(0, 90, 10)})
    visitor = visit(own_server, viewport={"width": 500, "height": 300}).as_guest()
    charts = visitor.page.locator(".plot canvas")
    expect(charts).to_have_count(len(LABELS))
    assert visitor.page.evaluate("scrollY") == 0
    for inked in charts.evaluate_all(IS_INKED):
        assert inked


def test_the_page_on_paper_has_every_chart_as_wide_as_the_paper_and_dark_on_white(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    own_server.write_history({n: dict.fromkeys(LABELS, (n, 5)) for n in range(0, 90, 10)})
    visitor = visit(own_server, viewport={"width": 1280, "height": 300})
    visitor.page.evaluate(ON_PAPER)
    visitor.page.evaluate("location.hash = 'compare=fiveHour'")
    with visitor.page.expect_response("**/api/history*"):
        visitor.as_guest()
    visitor.panel(LABELS[-1]).locator(".readings").wait_for(state="attached")
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        visitor.page.emulate_media(color_scheme=scheme)
        visitor.page.pdf(format="A4")
        shown = visitor.page.evaluate("[shown, delete globalThis.shown][0]")
        assert len(shown["charts"]) == len(LABELS) + 1
        assert shown["charts"] == shown["rooms"]
        assert (shown["ground"], shown["ink"]) == ("rgb(255, 255, 255)", "rgb(26, 31, 39)")
