"""The alert settings of the dashboard: switches on each card, and a dialog with all of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from cldmon.domain.events import MAX_THRESHOLDS
from cldmon.domain.subscriptions import Subscription, parse_quiet
from tests.browser.pages.test_dashboard_access import tab_to, violations
from tests.simulation.faults import Fault
from tests.simulation.slack import error

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Route

    from tests.browser.pages.conftest import OpenVisit, StartServer
    from tests.browser.server import ServerFixture
    from tests.browser.visit import Visit
    from tests.simulation.slack import FakeSlack

BOB = "U02BOB"


def open_alerts(visitor: Visit, label: str = "alice") -> Locator:
    """Open the alert settings of an account."""
    visitor.card(label).get_by_role("button", name=f"Alerts for {label}").click()
    return visitor.page.get_by_role("dialog", name=f"Alerts for {label}")


def add(dialog: Locator, text: str) -> None:
    """Type a percentage to alert at."""
    dialog.get_by_label("New percentage").fill(text)
    dialog.page.keyboard.press("Enter")


def expect_announced(dialog: Locator, text: str) -> None:
    """Wait until screen readers hear of a change, which is after it was saved."""
    expect(dialog.get_by_role("status")).to_have_text(text)


@pytest.fixture
def saved(own_server: ServerFixture) -> Callable[[], Subscription]:
    """Return Bob's alerts of alice, as they are in the file."""
    return lambda: own_server.subscriptions.load().of(BOB, "alice")


def test_the_settings_open_and_close_by_keyboard(server: ServerFixture, visit: OpenVisit) -> None:
    visitor = visit(server).log_in("Bob")
    tab_to(visitor.page, ".open-alerts")
    button = visitor.card("alice").get_by_role("button", name="Alerts for alice")
    expect(button).to_be_focused()
    visitor.page.keyboard.press("Enter")
    dialog = visitor.page.get_by_role("dialog", name="Alerts for alice")
    expect(dialog.get_by_role("heading", name="Alerts for alice")).to_be_focused()
    for _ in range(3):
        visitor.page.keyboard.press("Tab")
    expect(dialog.get_by_role("switch", name="When a limit resets")).to_be_focused()
    visitor.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()


def test_a_click_beside_the_settings_closes_them(server: ServerFixture, visit: OpenVisit) -> None:
    visitor = visit(server).log_in("Bob")
    dialog = open_alerts(visitor)
    dialog.get_by_role("heading", name="Which limits").click()
    expect(dialog).to_be_visible()
    visitor.page.mouse.click(5, 5)
    expect(dialog).to_be_hidden()


def test_percentages_are_added_and_removed_by_keyboard(
    own_server: ServerFixture, visit: OpenVisit, saved: Callable[[], Subscription]
) -> None:
    visitor = visit(own_server).log_in("Bob")
    dialog = open_alerts(visitor)
    for text in ("95", "80 %", "7"):
        add(dialog, text)
    expect(dialog.get_by_role("listitem")).to_have_text(["7%✕", "80%✕", "95%✕"])
    expect_announced(dialog, "Alerts at 7%, 80% and 95%.")
    assert saved() == Subscription(thresholds=(7, 80, 95))
    dialog.get_by_role("button", name="Remove 80%").focus()
    visitor.page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Remove 95%")).to_be_focused()
    visitor.page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Remove 7%")).to_be_focused()
    visitor.page.keyboard.press("Enter")
    expect(dialog.get_by_label("New percentage")).to_be_focused()
    expect_announced(dialog, "No alerts at percentages.")
    assert saved() == Subscription()


def test_anything_but_a_percentage_is_refused_beside_the_field_and_not_sent(
    server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(server).log_in("Bob")
    number = "Enter a whole number from 1 to 99."
    for text, problem in {
        **dict.fromkeys(("", "0", "101", "80.5", "-5", "1e1", "eighty"), number),
        "100": "For 100%, switch on “When a limit is hit”.",
    }.items():
        dialog = open_alerts(visitor)
        field = dialog.get_by_label("New percentage")
        expect(field).to_have_value("")
        expect(dialog.get_by_role("alert")).to_have_count(0)
        add(dialog, text)
        expect(dialog.get_by_role("alert")).to_have_text(problem)
        expect(field).to_have_accessible_description(problem)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_be_focused()
        visitor.page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
    assert "/api/subscriptions" not in visitor.requested


def test_a_percentage_twice_and_an_eleventh_are_refused(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    thresholds = tuple(range(10, 10 + MAX_THRESHOLDS))
    own_server.subscriptions.change(BOB, "alice", lambda _: Subscription(thresholds=thresholds))
    visitor = visit(own_server).log_in("Bob")
    dialog = open_alerts(visitor)
    add(dialog, "12")
    expect(dialog.get_by_role("alert")).to_have_text("12% is in the list already.")
    add(dialog, "50")
    expect(dialog.get_by_role("alert")).to_have_text(
        "No more than 10 percentages: remove one first."
    )
    assert "/api/subscriptions" not in visitor.requested
    dialog.get_by_role("button", name="Remove 10%").click()
    add(dialog, "50")
    expect(dialog.get_by_role("listitem").last).to_have_text("50%✕")
    expect(dialog.get_by_role("alert")).to_have_count(0)


def test_changes_made_faster_than_they_are_saved_are_all_saved(
    own_server: ServerFixture, visit: OpenVisit, saved: Callable[[], Subscription]
) -> None:
    visitor = visit(own_server).log_in("Bob")
    held: list[Route] = []
    visitor.page.route("**/api/subscriptions", lambda route: held.append(route), times=1)
    dialog = open_alerts(visitor)
    add(dialog, "80")
    add(dialog, "90")
    dialog.get_by_role("switch", name="Before it runs out early").click()
    expect(dialog.get_by_role("listitem")).to_have_text(["80%✕", "90%✕"])
    assert saved() == Subscription()
    held[0].continue_()
    expect_announced(dialog, "The run-out alert for alice is on.")
    assert saved() == Subscription(thresholds=(80, 90), run_out=True)
    expect(dialog.get_by_role("listitem")).to_have_text(["80%✕", "90%✕"])


def test_every_alert_has_a_switch_and_the_card_says_which_are_on(
    own_server: ServerFixture, visit: OpenVisit, saved: Callable[[], Subscription]
) -> None:
    visitor = visit(own_server).log_in("Bob")
    dialog = open_alerts(visitor)
    names = ("a limit is hit", "a limit resets", "Before it runs out early", "a limit changes")
    for name in names:
        switch = dialog.get_by_role("switch", name=name)
        switch.click()
        expect(switch).to_be_checked()
    expect_announced(dialog, "The change alert for alice is on.")
    assert saved() == Subscription(limit_hit=True, reset=True, run_out=True, changes=True)
    dialog.get_by_role("button", name="Done").click()
    expect(visitor.switch("alice", "Hit")).to_be_checked()
    expect(visitor.switch("bob", "Hit")).not_to_be_checked()
    more = "Also before it runs out early, when a limit changes."
    expect(visitor.card("alice")).to_contain_text(more)
    visitor.go()
    expect(visitor.card("alice")).to_contain_text(more)


def test_alerts_are_for_all_limits_or_for_those_chosen(
    own_server: ServerFixture, visit: OpenVisit, saved: Callable[[], Subscription]
) -> None:
    visitor = visit(own_server).log_in("Bob")
    dialog = open_alerts(visitor)
    expect(dialog.get_by_label("All limits")).to_be_checked()
    dialog.get_by_label("Only these:").check()
    expect_announced(dialog, "Alerts only for Current session and Weekly: all models.")
    dialog.get_by_label("Current session").uncheck()
    expect_announced(dialog, "Alerts only for Weekly: all models.")
    assert saved().windows == ("sevenDay",)
    sent = visitor.requested.count("/api/subscriptions")
    dialog.get_by_label("Weekly: all models").click()
    expect(dialog.get_by_role("alert")).to_have_text("Keep at least one limit, or choose all.")
    expect(dialog.get_by_label("Weekly: all models")).to_be_checked()
    assert visitor.requested.count("/api/subscriptions") == sent
    dialog.get_by_label("All limits").check()
    expect_announced(dialog, "Alerts for all limits.")
    expect(dialog.get_by_role("alert")).to_have_count(0)
    assert saved().windows is None


def test_a_chosen_limit_that_the_account_no_longer_has_stays_in_the_list(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    windows = ("sevenDay", "models.Fable")
    own_server.subscriptions.change(BOB, "alice", lambda _: Subscription(windows=windows))
    dialog = open_alerts(visit(own_server).log_in("Bob"))
    expect(dialog.get_by_label("Weekly: Fable only")).to_be_checked()
    expect(dialog.get_by_label("Current session")).not_to_be_checked()


def test_the_limits_of_an_account_without_a_reading_are_not_known(
    server: ServerFixture, visit: OpenVisit
) -> None:
    dialog = open_alerts(visit(server).log_in("Bob"), "erin")
    expect(dialog).to_contain_text("They are known after the account's first reading.")
    expect(dialog.get_by_role("radio")).to_have_count(0)


def test_quiet_hours_may_go_past_midnight_and_are_those_of_all_accounts(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    def quiet() -> object:
        return own_server.subscriptions.load().quiet.get(BOB)

    visitor = visit(own_server).log_in("Bob")
    dialog = open_alerts(visitor)
    dialog.get_by_role("switch", name="Quiet hours").click()
    night = "Messages wait from 20:00 to 08:00 the next day, for all your accounts."
    expect(dialog).to_contain_text(night)
    expect_announced(dialog, night)
    assert quiet() == parse_quiet("20:00", "08:00")
    dialog.get_by_label("From").fill("22:30")
    dialog.get_by_label("Time zone").select_option("America/New_York")
    expect_announced(
        dialog, "Messages wait from 22:30 to 08:00 the next day, for all your accounts."
    )
    assert quiet() == parse_quiet("22:30", "08:00", "America/New_York")
    dialog.get_by_role("button", name="Done").click()
    dialog = open_alerts(visitor, "bob")
    expect(dialog.get_by_label("From")).to_have_value("22:30")
    expect(dialog.get_by_label("Time zone")).to_have_value("America/New_York")
    dialog.get_by_label("From").fill("01:00")
    expect_announced(dialog, "Messages wait from 01:00 to 08:00, for all your accounts.")
    dialog.get_by_role("switch", name="Quiet hours").click()
    expect(dialog.get_by_label("From")).to_be_hidden()
    expect_announced(dialog, "Messages come at any time. Quiet hours apply to all your accounts.")
    assert quiet() is None
    dialog.get_by_role("switch", name="Quiet hours").click()
    dialog.get_by_label("To", exact=True).fill("06:15")
    visitor.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(visitor.page.locator("#announcer")).to_contain_text("from 01:00 to 06:15")
    assert quiet() == parse_quiet("01:00", "06:15", "America/New_York")


def test_hours_that_are_none_are_refused_beside_the_fields_and_not_sent(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    own_server.subscriptions.set_quiet(BOB, parse_quiet("20:00", "08:00", "Asia/Kathmandu"))
    visitor = visit(own_server).log_in("Bob")
    for hour, problem in {
        "20:00": "Quiet hours can't begin and end at the same time.",
        "": "Enter both times, such as 20:00 and 08:00.",
    }.items():
        dialog = open_alerts(visitor)
        to = dialog.get_by_label("To", exact=True)
        to.fill(hour)
        dialog.get_by_label("Time zone").focus()
        expect(dialog.get_by_role("alert")).to_have_text(problem)
        expect(to).to_have_accessible_description(problem)
        visitor.page.keyboard.press("Escape")
        open_alerts(visitor)
        expect(to).to_have_value("08:00")
        expect(dialog.get_by_role("alert")).to_have_count(0)
        visitor.page.keyboard.press("Escape")
    assert "/api/subscriptions" not in visitor.requested


def test_a_change_that_cannot_be_saved_is_taken_back(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(own_server).log_in("Bob")
    visitor.expect("Failed to load resource")
    visitor.page.route(
        "**/api/subscriptions",
        lambda route: route.fulfill(status=503, json={"error": "the disk is full"}),
    )
    dialog = open_alerts(visitor)
    dialog.get_by_role("switch", name="Quiet hours").click()
    problem = "Not saved: The disk is full."
    expect_announced(dialog, f"alice: {problem}")
    expect(dialog.get_by_role("switch", name="Quiet hours")).not_to_be_checked()
    add(dialog, "80")
    expect(dialog.locator(".problem").first).to_have_text(problem)
    expect(dialog.get_by_role("listitem")).to_have_count(0)
    visitor.page.unroute("**/api/subscriptions")
    add(dialog, "80")
    expect_announced(dialog, "Alerts at 80%.")
    expect(dialog.get_by_role("listitem")).to_have_text(["80%✕"])
    expect(dialog.locator(".problem").first).to_be_hidden()


def test_a_confirmation_that_fails_is_shown_until_one_succeeds(
    own_server: ServerFixture, slack: FakeSlack, visit: OpenVisit
) -> None:
    problem = "Saved, but the confirmation message failed: "
    visitor = visit(own_server).log_in("Bob")
    dialog = open_alerts(visitor)
    slack.fail(error("channel_not_found"))
    try:
        add(dialog, "80")
        expect(dialog.locator(".problem").first).to_contain_text(problem)
        expect(visitor.card("alice").locator(".problem")).to_contain_text(problem)
        expect(dialog.get_by_role("listitem")).to_have_text(["80%✕"])
        dialog.get_by_role("switch", name="Quiet hours").click()
        expect(dialog.get_by_role("status")).to_contain_text(f"Quiet hours: {problem}")
    finally:
        slack.heal()
    visitor.go()
    expect(visitor.card("alice")).to_contain_text("Also at 80%.")
    expect(visitor.card("alice")).not_to_contain_text(problem)


def test_a_switch_waits_neither_for_the_server_nor_for_slack(
    own_server: ServerFixture, slack: FakeSlack, visit: OpenVisit
) -> None:
    """It moves within the click, and the change is saved while Slack has not answered."""
    visitor = visit(own_server).log_in("Bob")
    slack.clear()
    answer = threading.Event()
    slack.fail(Fault("held", lambda genuine: (answer.wait(30), genuine())[1]))
    try:
        clicked = visitor.switch("alice", "Hit").evaluate(
            "button => { button.click(); return button.getAttribute('aria-checked') }"
        )
        assert clicked == "true"
        expect(visitor.page.locator("#announcer")).to_have_text(
            "The limit hit alert for alice is on."
        )
        assert own_server.subscriptions.load().of(BOB, "alice").limit_hit
        assert slack.sent == []
    finally:
        answer.set()
        slack.heal()
    assert slack.wait_for(1)[0].user == BOB


def test_the_settings_close_when_the_session_ends(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(own_server).log_in("Bob")
    visitor.expect("401")
    dialog = open_alerts(visitor)
    visitor.page.context.clear_cookies()
    add(dialog, "80")
    expect(dialog).to_be_hidden()
    expect(visitor.page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_guest_has_no_alert_settings(server: ServerFixture, visit: OpenVisit) -> None:
    card = visit(server).as_guest().card("alice")
    expect(card).to_contain_text("Log in with your name to get alerts.")
    expect(card.get_by_role("button", name="Alerts")).to_have_count(0)
    expect(card.get_by_role("switch", name="Hit")).to_be_disabled()


def test_without_slack_there_are_no_alert_settings(
    new_server: StartServer, visit: OpenVisit
) -> None:
    server = new_server()
    server.complete_pass()
    card = visit(server).card("alice")
    expect(card).to_contain_text("Slack is off on this server.")
    expect(card.get_by_role("button", name="Alerts")).to_have_count(0)


def test_a_screen_reader_finds_everything_by_name(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    own_server.subscriptions.change(
        BOB, "alice", lambda _: Subscription(thresholds=(80, 95), windows=("sevenDay",))
    )
    own_server.subscriptions.set_quiet(BOB, parse_quiet("20:00", "08:00"))
    dialog = open_alerts(visit(own_server).log_in("Bob"))
    expect(dialog).to_match_aria_snapshot(
        """
        - dialog "Alerts for alice":
          - heading "Alerts for alice" [level=2]
          - button "Done"
          - group "Send me a Slack message":
            - heading "Send me a Slack message" [level=3]
            - switch "When a limit is hit"
            - switch "When a limit resets"
            - switch "Before it runs out early"
            - switch "When a limit changes"
          - heading "At a percentage" [level=3]
          - list "Percentages":
            - listitem:
              - text: 80%
              - button "Remove 80%"
            - listitem:
              - text: 95%
              - button "Remove 95%"
          - text: New percentage
          - textbox "New percentage"
          - button "Add"
          - group "Which limits":
            - heading "Which limits" [level=3]
            - radio "All limits"
            - 'radio "Only these:" [checked]'
            - group "Only these limits":
              - checkbox "Current session"
              - 'checkbox "Weekly: all models" [checked]'
          - group "Quiet hours":
            - switch "Quiet hours" [checked]
            - paragraph: "Messages wait from 20:00 to 08:00 the next day, for all your accounts."
            - text: From
            - textbox "From"
            - text: To
            - textbox "To"
            - text: Time zone
            - combobox "Time zone"
        """
    )


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_the_settings_are_accessible_and_fit(
    own_server: ServerFixture, visit: OpenVisit, width: int, scheme: str
) -> None:
    own_server.subscriptions.change(
        BOB, "alice", lambda _: Subscription(thresholds=(80, 95), windows=("sevenDay",))
    )
    own_server.subscriptions.set_quiet(BOB, parse_quiet("20:00", "08:00"))
    size = {"width": width, "height": 740}
    visitor = visit(own_server, color_scheme=scheme, viewport=size).log_in("Bob")
    dialog = open_alerts(visitor)
    add(dialog, "0")
    assert violations(visitor.page) == []
    assert dialog.evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")
    assert not visitor.is_too_wide()
