"""Many accounts on the dashboard: the table, its sorting, its filter, and the way back to cards."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from cldmon.domain.model import Account, Failure, FailureKind, Reading, Window
from cldmon.domain.windows import FIVE_HOUR, SEVEN_DAY
from tests.browser.pages.test_dashboard_access import tab_to, violations
from tests.browser.server import (
    EXPIRED,
    HOSTILE,
    LONG,
    MINUTE,
    ServerFixture,
    ThreadedServer,
    now,
    windows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

    from tests.browser.pages.conftest import OpenVisit, StartServer
    from tests.browser.visit import Visit
    from tests.simulation.slack import FakeSlack

HOUR = 60 * MINUTE
FABLE = "models.Fable"
USES = (3, 41, 78, 93, 12, 55)
NAMED = ("full", "due", "overdue", "stale", "expired", "limited", "unread", HOSTILE, LONG)
LABELS = (*NAMED, *(f"user {n}" for n in range(1, len(USES) + 1)))
WIDE = {"width": 1440, "height": 1600}
PHONE = {"width": 360, "height": 740}


def build_team(at: int = 0) -> list[Account]:
    """Return an account in each condition, and some that have room; `at` is used by user 1."""
    moment = now()
    old = moment - HOUR
    week = Window(50, moment + timedelta(days=3))
    limited = Failure(FailureKind.RATE_LIMITED, "rate limited", moment + 2 * HOUR)
    sessions = {
        "due": Reading(moment - 20 * MINUTE, {FIVE_HOUR: Window(70, moment), SEVEN_DAY: week}),
        "overdue": Reading(moment, {FIVE_HOUR: Window(60, moment - MINUTE), SEVEN_DAY: week}),
    }
    return [
        Account("full", Reading(moment, windows(100, 20), "Pro")),
        *(Account(label, reading, None) for label, reading in sessions.items()),
        Account("stale", Reading(old, windows(99, 98, at=moment), "Team")),
        Account("expired", Reading(old, windows(97, 96, at=moment), "Max"), EXPIRED),
        Account("limited", None, limited),
        Account("unread", None),
        Account(HOSTILE, Reading(moment, {SEVEN_DAY: week, FABLE: Window(88, None)})),
        Account(LONG, Reading(moment, windows(0, 0))),
        *(
            Account(f"user {n}", Reading(moment, windows(max(used, at * (n == 1)), 2), "Team"))
            for n, used in enumerate(USES, 1)
        ),
    ]


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerFixture]:
    """A dashboard without Slack, with these accounts."""
    with ThreadedServer(tmp_path_factory.mktemp("team"), labels=LABELS) as server:
        server.complete_pass(*build_team())
        yield server


def row(visitor: Visit, label: str) -> Locator:
    """Return an account's row."""
    name = visitor.page.get_by_role("button", name=label, exact=True)
    return visitor.page.locator(".account-row", has=name)


def cells(visitor: Visit, label: str) -> list[str]:
    """Return the texts of an account's row: name, plan, use, windows, reset, state."""
    texts = row(visitor, label).locator("> *").all_inner_texts()
    return [" ".join(text.split()) for text in texts]


def names(visitor: Visit) -> list[str]:
    """Return the labels in the order of the rows."""
    return visitor.page.locator(".account-name").all_text_contents()


def sort_by(visitor: Visit, column: str) -> Locator:
    """Sort by a column; return its header."""
    header = visitor.page.get_by_role("columnheader", name=column, exact=True)
    header.get_by_role("button").click()
    return header


def test_more_than_twelve_accounts_are_a_table(team: ServerFixture, visit: OpenVisit) -> None:
    visitor = visit(team, viewport=WIDE)
    expect(visitor.page.get_by_role("table", name="Accounts").get_by_role("row")).to_have_count(16)
    expect(visitor.page.locator(".card")).to_have_count(0)
    headers = visitor.page.get_by_role("columnheader")
    expect(headers).to_have_text(
        ["Account", "Plan", "Use", "5h", "7d", "7d Fable", "Resets", "State"]
    )
    assert names(visitor) == list(LABELS)
    assert visitor.page.locator("main img, main b").count() == 0


def test_the_choice_of_cards_or_table_is_remembered(
    team: ServerFixture, server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(team)
    visitor.page.get_by_role("button", name="Show cards").click()
    expect(visitor.page.locator(".card")).to_have_count(len(LABELS))
    expect(visitor.page.locator(".account-row")).to_have_count(0)
    visitor.go()
    expect(visitor.card("full")).to_be_visible()
    expect(visitor.page.get_by_role("button", name="Show table")).to_be_visible()
    few = visit(server).as_guest()
    expect(few.page.get_by_role("searchbox")).to_be_hidden()
    few.page.get_by_role("button", name="Show table").click()
    few.go()
    expect(few.page.get_by_role("table", name="Accounts")).to_be_visible()


def test_a_row_shows_only_numbers_that_are_current(team: ServerFixture, visit: OpenVisit) -> None:
    """SPEC, "Numbers are honest": a window that an account lacks has an empty cell."""
    visitor = visit(team, viewport=WIDE)
    full, due = cells(visitor, "full"), cells(visitor, "due")
    assert full[:3] == ["full", "Pro", "!! 100%"]
    assert re.fullmatch(r"!! 100% in 1 h( \d+ min)?", full[3])
    assert full[5] == ""
    assert full[7] == "!! At a limit"
    assert due[2:4] == ["50%", "– reset due"]
    assert due[7] == "OK"
    assert cells(visitor, "overdue")[2:4] == ["60%", "60% reset overdue"]
    assert cells(visitor, HOSTILE)[2:6] == ["! 88%", "", "50% in 3 d", "! 88%"]
    assert cells(visitor, "unread") == ["unread", "", "–", "", "", "", "–", "Not read yet"]
    stale, expired = cells(visitor, "stale"), cells(visitor, "expired")
    assert re.fullmatch(r"99% in 1 h( \d+ min)?", stale[3])
    assert stale[7] == "? Stale 1 h old"
    assert expired[7] == "✕ Needs action session key expired, last read 1 h ago"
    assert re.fullmatch(
        r"↻ Recovers by itself rate limited until [\w: ]+, never read",
        cells(visitor, "limited")[7],
    )
    for label, live in {"full": "true", "stale": "false", "expired": "false"}.items():
        dimmed = row(visitor, label).locator(".bar .fill").first
        expect(dimmed).to_have_css(
            "background-image", "none" if live == "true" else re.compile("gradient")
        )


def test_an_outage_dims_the_numbers_and_a_reset_that_passes_removes_one(
    new_server: StartServer, visit: OpenVisit
) -> None:
    server = new_server(labels=LABELS)
    server.complete_pass(*build_team())
    visitor = visit(server, clock=True, viewport=WIDE)
    visitor.expect("ERR_INTERNET_DISCONNECTED")
    visitor.page.context.set_offline(True)
    visitor.page.clock.fast_forward(81 * 60_000)
    expect(visitor.page.locator("tbody[data-live=true]")).to_have_count(0)
    expect(row(visitor, "full").locator(".account-state")).to_have_text(re.compile("Stale"))
    assert cells(visitor, "full")[3] == "– reset due"


def test_a_button_in_each_header_sorts_in_both_orders(
    team: ServerFixture, visit: OpenVisit
) -> None:
    """Accounts without a current value come last in both."""
    visitor = visit(team, viewport=WIDE)
    header = sort_by(visitor, "Use")
    expect(header).to_have_attribute("aria-sort", "descending")
    unknown = ["stale", "expired", "limited", "unread"]
    assert names(visitor)[:3] == ["full", "user 4", HOSTILE]
    assert names(visitor)[-4:] == unknown
    sort_by(visitor, "Use")
    expect(header).to_have_attribute("aria-sort", "ascending")
    assert names(visitor)[:2] == [LONG, "user 1"]
    assert names(visitor)[-4:] == unknown
    sort_by(visitor, "7d Fable")
    assert names(visitor)[0] == HOSTILE
    expect(visitor.page.locator("[aria-sort]")).to_have_count(1)
    sort_by(visitor, "Account")
    assert names(visitor)[:3] == [HOSTILE, "due", "expired"]
    assert names(visitor)[-2:] == ["user 6", LONG]
    sort_by(visitor, "Resets")
    assert names(visitor)[0] == "full"
    assert names(visitor)[-4:] == unknown
    sort_by(visitor, "State")
    assert names(visitor)[:5] == ["full", "expired", "limited", "stale", "unread"]


def test_the_filter_finds_accounts_by_name_plan_and_state(
    team: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(team)
    text = visitor.page.get_by_role("searchbox", name="Filter by account or plan")
    text.fill("USER")
    expect(visitor.page.locator(".account-row")).to_have_count(6)
    expect(visitor.page.locator(".filter").get_by_role("status")).to_have_text("6 of 15")
    text.fill("pro")
    assert names(visitor) == ["full"]
    text.fill("")
    state = visitor.page.get_by_role("combobox", name="Filter by state")
    state.select_option("At a limit (1)")
    assert names(visitor) == ["full"]
    state.select_option("Recovers by itself (1)")
    assert names(visitor) == ["limited"]
    visitor.page.get_by_role("button", name="Show cards").click()
    expect(visitor.page.locator(".card")).to_have_count(1)
    text.fill("nobody")
    expect(visitor.page.locator("#empty")).to_have_text("No account matches.")
    text.fill("")
    state.select_option("All states")
    expect(visitor.page.locator(".card")).to_have_count(len(LABELS))


def test_a_row_opens_the_card_by_keyboard_and_its_alerts_can_be_changed(
    new_server: StartServer, slack: FakeSlack, visit: OpenVisit
) -> None:
    server = new_server(slack, labels=LABELS)
    server.complete_pass(*build_team())
    visitor = visit(server).log_in("Bob")
    page = visitor.page
    tab_to(page, ".filter input")
    tab_to(page, "[data-key=use] button")
    page.keyboard.press("Enter")
    expect(page.locator("[data-key=use]")).to_have_attribute("aria-sort", "descending")
    tab_to(page, ".account-name button")
    button = page.get_by_role("button", name="full", exact=True)
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    card = page.locator("#accounts").get_by_role("article", name="full")
    expect(card).to_contain_text("Limit hit.")
    tab_to(page, "[data-key=limitHit]")
    page.keyboard.press("Space")
    expect(card.get_by_role("switch", name="Hit")).to_be_checked()
    tab_to(page, ".account-name button", key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(card).to_have_count(0)
    expect(button).to_have_attribute("aria-expanded", "false")


def test_a_row_that_moves_keeps_the_focus_and_stays_open(
    new_server: StartServer, visit: OpenVisit
) -> None:
    server = new_server(labels=LABELS)
    server.complete_pass(*build_team())
    visitor = visit(server, viewport=WIDE)
    sort_by(visitor, "Use")
    button = visitor.page.get_by_role("button", name="user 1", exact=True)
    button.click()
    assert names(visitor).index("user 1") > 5
    server.complete_pass(*build_team(at=99))
    visitor.refresh()
    expect(visitor.page.locator(".account-name").nth(1)).to_have_text("user 1")
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "true")


def test_twenty_equal_errors_are_one_line_of_the_banner(
    new_server: StartServer, visit: OpenVisit
) -> None:
    labels = [f"user {n}" for n in range(1, 22)]
    server = new_server(labels=labels)
    team = [Account(label, None, EXPIRED) for label in labels[1:]]
    server.complete_pass(Account("user 1", Reading(now(), windows(5, 5))), *team)
    visitor = visit(server, viewport=PHONE)
    group = visitor.page.locator("[data-kind=action]")
    expect(group.locator("li")).to_have_text(
        "user 2, user 3, user 4, user 5, user 6 and 15 more: session key expired"
    )
    box = visitor.page.locator("#banner").bounding_box()
    assert box
    assert box["height"] < 200


@pytest.mark.parametrize(
    ("width", "scheme"), [(360, "light"), (800, "dark"), (1440, "light"), (2560, "dark")]
)
def test_it_is_accessible_fits_and_does_not_shift(
    team: ServerFixture, visit: OpenVisit, width: int, scheme: str
) -> None:
    visitor = visit(team, viewport={"width": width, "height": 900}, color_scheme=scheme)
    visitor.page.get_by_role("button", name="user 1", exact=True).click()
    expect(visitor.page.locator(".account-detail .card")).to_be_visible()
    assert not visitor.is_too_wide()
    assert violations(visitor.page) == []
    shifts = visitor.page.evaluate(
        """() => new Promise((resolve) => new PerformanceObserver((list) =>
            resolve(list.getEntries().filter((each) => !each.hadRecentInput)
                .reduce((sum, {value}) => sum + value, 0))
        ).observe({type: "layout-shift", buffered: true}))"""
    )
    assert shifts < 0.05


def test_one_account_uses_the_width_and_cards_are_as_high_as_their_content(
    server: ServerFixture, new_server: StartServer, visit: OpenVisit
) -> None:
    alone = new_server(labels=("a",))
    alone.complete_pass(Account("a", Reading(now(), windows(5, 5))))
    visitor = visit(alone, viewport={"width": 2560, "height": 900})
    expect(visitor.page.get_by_role("button", name="Show table")).to_be_hidden()
    card = visitor.card("a").bounding_box()
    assert card
    assert card["width"] > 2000
    tops = visitor.card("a").locator(".meter").evaluate_all("all => all.map(e => e.offsetTop)")
    assert len(tops) == 2
    assert len(set(tops)) == 1
    several = visit(server, viewport=WIDE).as_guest()
    low, high = (several.card(label).bounding_box() for label in ("erin", "bob"))
    assert low
    assert high
    assert low["height"] < high["height"] / 2
