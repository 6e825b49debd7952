"""One window of several accounts in one chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from cldmon.domain.model import Account, Reading
from tests.browser.server import ServerFixture, ThreadedServer, now, windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

    from tests.browser.pages.conftest import OpenVisit
    from tests.browser.visit import Visit

LABELS = tuple(f"account {n:02}" for n in range(20))


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerFixture]:
    """A dashboard with twenty accounts. Every second one was not read an hour ago."""
    with ThreadedServer(tmp_path_factory.mktemp("team"), labels=LABELS) as server:
        for minutes in range(0, 300, 10):
            everyone = enumerate(LABELS)
            read = {label: n for n, label in everyone if n % 2 == 0 or not 60 <= minutes < 120}
            server.write_history({minutes: {label: (n, 50) for label, n in read.items()}})
        server.complete_pass(*(Account(label, Reading(now(), windows(5, 50))) for label in LABELS))
        yield server


def overlay(visitor: Visit) -> Locator:
    return visitor.page.get_by_role("article", name="Current session", exact=True)


def choose_session(visitor: Visit) -> None:
    visitor.page.get_by_label("Compare accounts").select_option("Current session")
    overlay(visitor).scroll_into_view_if_needed()


def test_accounts_are_lines_with_their_values_sorted(team: ServerFixture, visit: OpenVisit) -> None:
    visitor = visit(team, viewport={"width": 1440, "height": 900})
    visitor.range("5h").click()
    choose_session(visitor)
    expect(overlay(visitor).get_by_role("listitem")).to_have_count(len(LABELS))
    box = overlay(visitor).locator(".u-over").bounding_box()
    assert box
    overlay(visitor).locator(".u-over").hover(position={"x": box["width"] * 0.2, "y": 20})
    rows = overlay(visitor).locator(".tooltip li")
    expect(rows).to_have_count(len(LABELS))
    percents = [int(text.rstrip("%")) for text in rows.locator(".value").all_text_contents()]
    assert percents == sorted(percents, reverse=True)
    overlay(visitor).get_by_role("application").press("End")
    said = visitor.page.locator("#announcer")
    expect(said).to_contain_text("account 19 19%, account 18 18%")
    expect(said).to_contain_text("and 12 more")


def test_lines_are_hidden_one_by_one_or_all_and_the_choice_stays(
    team: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(team)
    choose_session(visitor)
    panel = overlay(visitor)
    panel.get_by_role("button", name="Hide all lines").click()
    line = panel.get_by_role("button", name="account 07")
    expect(line).to_have_attribute("aria-pressed", "false")
    line.click()
    expect(panel.locator(".summary")).to_have_text("Last readings: account 07 7%.")
    visitor.page.reload()
    expect(panel.locator(".summary")).to_have_text("Last readings: account 07 7%.")
    panel.get_by_role("button", name="Show all lines").click()
    expect(line).to_have_attribute("aria-pressed", "true")
    visitor.page.get_by_label("Compare accounts").select_option("Off")
    expect(panel).to_be_hidden()
    assert "compare" not in visitor.page.url


def test_an_account_that_was_not_read_has_no_value_then(
    team: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(team)
    choose_session(visitor)
    chart = overlay(visitor).get_by_role("application")
    chart.press("End")
    for _ in range(9):
        chart.press("ArrowLeft")
    values = overlay(visitor).locator(".legend .value")
    expect(values.nth(2)).to_have_text("2%")
    expect(values.nth(3)).to_have_text("–")


def test_a_link_compares_windows_only_and_shows_no_text_of_its_own(
    team: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(team)
    choice = visitor.page.get_by_label("Compare accounts")
    for name in ("Log in at evil.example", "models.Log in at evil.example", "__proto__"):
        visitor.page.evaluate("name => { location.hash = `compare=${name}` }", name)
        expect(choice).to_have_value("")
        expect(visitor.page.locator(".compare")).to_be_hidden()
        expect(visitor.page.get_by_text("evil.example")).to_have_count(0)
        visitor.page.evaluate("location.hash = 'compare=fiveHour'")
        expect(overlay(visitor)).to_be_visible()
