"""The dashboard in a real browser, on a real server: who can log in, and what they see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from cldmon.domain.model import Account, Reading
from tests.browser.server import (
    EXPIRED,
    HOSTILE,
    LABELS,
    LONG,
    ServerFixture,
    accounts,
    now,
    windows,
)
from tests.env import INTERVAL

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from tests.browser.pages.conftest import OpenVisit, StartServer
    from tests.browser.visit import Visit
    from tests.simulation.slack import FakeSlack


def test_a_name_is_completed_and_logs_in(server: ServerFixture, visit: OpenVisit) -> None:
    visitor = visit(server)
    field = visitor.page.get_by_role("combobox", name="Your Slack name")
    field.press_sequentially("baker")
    expect(visitor.page.get_by_role("option")).to_have_count(1)
    expect(field).to_have_attribute("aria-expanded", "true")
    visitor.page.get_by_role("option", name="Bob").click()
    expect(field).to_have_value("Bob")
    visitor.page.get_by_role("button", name="Log in").click()
    expect(visitor.page.locator("#who-name")).to_have_text("Bob")
    expect(visitor.card("alice")).to_be_visible()


def test_an_unknown_name_is_not_logged_in(server: ServerFixture, visit: OpenVisit) -> None:
    visitor = visit(server)
    visitor.page.get_by_role("combobox").fill("qqqqqq")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("alert")).to_have_text("No Slack user by that name.")


def test_a_failed_search_is_shown_and_the_next_try_searches_again(
    server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(server)
    visitor.expect("Failed to load resource")
    visitor.page.route(
        "**/api/slack/users*", lambda route: route.fulfill(status=503, json={"error": "no Slack"})
    )
    visitor.page.get_by_role("combobox").fill("Alice")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("alert")).to_have_text("No Slack.")
    visitor.page.unroute_all()
    visitor.page.keyboard.press("Enter")
    expect(visitor.card("alice")).to_be_visible()


def test_a_guest_sees_everything_and_why_alerts_are_off(guest: Visit) -> None:
    expect(guest.page.locator(".card")).to_have_count(len(LABELS))
    expect(guest.switch("alice", "Hit")).to_be_disabled()
    expect(guest.card("alice")).to_contain_text("Log in with your name to get alerts.")


def test_a_session_survives_a_reload_and_ends_with_logging_out(
    server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(server).log_in("Alice")
    visitor.go()
    expect(visitor.page.locator("#who-name")).to_have_text("Alice")
    visitor.page.get_by_role("button", name="Log out").click()
    expect(visitor.page.get_by_role("heading", name="Log in")).to_be_visible()
    visitor.go()
    expect(visitor.page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_session_that_ends_elsewhere_leads_back_to_the_login(
    server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(server).as_guest()
    visitor.expect("401")
    visitor.page.context.clear_cookies()
    visitor.refresh()
    expect(visitor.page.get_by_role("alert")).to_have_text("Your session has ended. Log in again.")
    expect(visitor.page.locator(".card")).to_have_count(0)


def test_a_code_is_required_if_names_are_not_enough(
    new_server: StartServer, slack: FakeSlack, visit: OpenVisit
) -> None:
    server = new_server(slack, top='login = "code"\n')
    server.complete_pass()
    slack.clear()
    visitor = visit(server)
    visitor.expect("401")
    expect(visitor.page.get_by_role("button", name="Continue as guest")).to_have_count(0)
    visitor.page.get_by_role("combobox").fill("Ca")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("alert")).to_have_text(
        "Type at least three letters of your name."
    )
    visitor.log_in("Carol")
    visitor.page.get_by_role("textbox", name="Code").fill("12")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("alert")).to_have_text("Wrong code: 4 tries are left.")
    code = re.search(r"\b\d{8}\b", slack.wait_for(1)[0].text)
    assert code
    visitor.page.get_by_role("textbox", name="Code").fill(code.group())
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator("#who-name")).to_have_text("Carol")


def test_without_slack_everyone_is_a_guest(new_server: StartServer, visit: OpenVisit) -> None:
    server = new_server()
    server.complete_pass()
    visitor = visit(server)
    expect(visitor.page.locator("#who-name")).to_have_text("Guest")
    expect(visitor.card("alice")).to_contain_text("Slack is off on this server.")
    visitor.page.get_by_role("button", name="Log out").click()
    expect(visitor.page.get_by_role("combobox")).to_have_count(0)
    visitor.as_guest()


def test_a_switch_saves_at_once_and_slack_confirms(
    own_server: ServerFixture, slack: FakeSlack, visit: OpenVisit
) -> None:
    slack.clear()
    visitor = visit(own_server).log_in("Bob")
    switch = visitor.switch("alice", "Hit")
    expect(switch).not_to_be_checked()
    switch.click()
    expect(switch).to_be_checked()
    expect(visitor.page.locator("#announcer")).to_have_text("The limit hit alert for alice is on.")
    assert slack.wait_for(1)[0].user == "U02BOB"
    assert own_server.subscriptions.load().of("U02BOB", "alice").limit_hit
    visitor.go()
    expect(visitor.switch("alice", "Hit")).to_be_checked()


def test_a_switch_that_cannot_be_saved_goes_back(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(own_server).log_in("Bob")
    visitor.expect("503")
    own_server.subscriptions.path.write_text("no JSON")
    switch = visitor.switch("alice", "Reset")
    switch.click()
    expect(visitor.card("alice").locator(".problem")).to_contain_text("Not saved")
    expect(switch).not_to_be_checked()
    expect(visitor.page.locator("#announcer")).to_contain_text("alice: Not saved")


def test_a_response_that_arrives_after_logging_out_is_not_shown(
    server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(server).as_guest()
    held: list[Route] = []
    visitor.page.route("**/api/usage", lambda route: held.append(route))
    with visitor.page.expect_request("**/api/usage"):
        visitor.refresh()
    visitor.page.get_by_role("button", name="Log out").click()
    expect(visitor.page.get_by_role("heading", name="Log in")).to_be_visible()
    held[0].fulfill(body='{"fetchedAt": null, "accounts": [], "refreshIntervalMs": 1}')
    visitor.page.wait_for_timeout(100)
    expect(visitor.page.locator("#dashboard")).to_be_hidden()


def test_a_live_account_shows_percent_level_reset_and_money(guest: Visit) -> None:
    bob = guest.card("bob")
    session = bob.get_by_role("meter", name="Current session")
    expect(session).to_have_attribute("aria-valuenow", "100")
    expect(session).to_have_attribute("aria-valuetext", "100% Limit hit")
    expect(bob).to_contain_text("Nearly full.")
    expect(bob).to_contain_text("Pro")
    expect(bob).to_contain_text(re.compile(r"Resets \d\d:\d\d|Resets \w{3},? \d\d:\d\d"))
    expect(bob).to_contain_text(re.compile(r"in 1 h \d\d min"))
    money = bob.get_by_role("meter", name="Usage credits")
    expect(money).to_have_attribute("aria-valuetext", "20%, €4.15 of €20.00")


def test_an_error_comes_first_with_what_to_do_and_the_last_reading_dimmed(guest: Visit) -> None:
    dave = guest.card("dave")
    expect(dave).to_contain_text("Session key expired or revoked: sign in again.")
    expect(dave.locator("code")).to_have_text("cldmon login dave")
    expect(dave).to_contain_text("Last read 6 h")
    expect(dave).to_have_attribute("data-live", "false")
    expect(dave.get_by_role("meter", name="Weekly: all models")).to_have_attribute(
        "aria-valuetext", "42% at the last reading"
    )


def test_a_window_whose_reset_is_due_shows_no_old_percentage(guest: Visit) -> None:
    dave = guest.card("dave")
    expect(dave).to_contain_text("Reset due since")
    expect(dave).not_to_contain_text("44%")
    expect(dave.get_by_role("meter", name="Current session")).to_have_count(0)


def test_a_stale_account_and_one_never_read_are_marked(guest: Visit) -> None:
    expect(guest.card("carol")).to_contain_text(re.compile(r"Stale: 4\d min old"))
    expect(guest.card("carol")).to_have_attribute("data-live", "false")
    expect(guest.card("erin")).to_contain_text("Not read yet")
    expect(guest.card("erin").locator(".trouble")).to_be_hidden()


def test_numbers_become_stale_without_a_response(server: ServerFixture, visit: OpenVisit) -> None:
    """A page without new data marks its numbers as stale in time."""
    visitor = visit(server, clock=True).as_guest()
    expect(visitor.card("alice")).to_have_attribute("data-state", "live")
    visitor.expect("ERR_INTERNET_DISCONNECTED")
    visitor.page.context.set_offline(True)
    visitor.page.clock.fast_forward(35 * 60_000)
    expect(visitor.card("alice")).to_have_attribute("data-state", "stale")
    expect(visitor.page.locator(".notice").first).to_contain_text("Server unreachable since")


def test_what_comes_from_outside_is_text(server: ServerFixture, visit: OpenVisit) -> None:
    visitor = visit(server)
    visitor.page.get_by_role("combobox").fill("strange")
    expect(visitor.page.get_by_role("option")).to_contain_text(HOSTILE)
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator("#who-name")).to_have_text(HOSTILE)
    expect(visitor.card(HOSTILE).get_by_role("heading")).to_have_text(HOSTILE)
    expect(visitor.card(HOSTILE)).to_contain_text("Weekly: <b>Fable</b> only")
    expect(visitor.panel(HOSTILE)).to_be_visible()
    assert visitor.page.locator("main img, main b").count() == 0


def test_a_server_that_stops_is_reported_until_it_is_back(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(own_server, clock=True).as_guest()
    visitor.expect("Failed to load resource")
    expect(visitor.card("alice")).to_have_attribute("data-live", "true")
    own_server.stop()
    visitor.refresh()
    expect(visitor.page.locator(".notice")).to_have_text(
        re.compile(r"Server unreachable since \d\d:\d\d; showing the last data\.")
    )
    expect(visitor.card("alice")).to_have_attribute("data-live", "false")
    own_server.restart()
    visitor.page.clock.fast_forward(30_000)
    expect(visitor.card("alice")).to_have_attribute("data-live", "true", timeout=20_000)
    expect(visitor.page.locator(".notice")).to_have_count(0)


def test_server_errors_are_reported(own_server: ServerFixture, visit: OpenVisit) -> None:
    """It is reachable, so no outage is reported, and there is no data to show."""
    (own_server.data / "state.json").write_text("{")
    visitor = visit(own_server)
    visitor.expect("Failed to load resource")
    visitor.page.get_by_role("button", name="Continue as guest").click()
    notice = visitor.page.locator(".notice")
    expect(notice).to_contain_text("Server error since")
    expect(notice).to_contain_text("The server can't read or write its files; see its log.")
    expect(notice).not_to_contain_text("showing the last data")
    expect(visitor.page.get_by_role("heading", name="History")).to_be_hidden()
    own_server.complete_pass()
    visitor.refresh()
    expect(visitor.card("alice")).to_be_visible()
    expect(notice).to_have_count(0)


def test_a_stopped_collector_is_reported(own_server: ServerFixture, visit: OpenVisit) -> None:
    own_server.complete_pass(at=now() - 4 * INTERVAL)
    visitor = visit(own_server).as_guest()
    expect(visitor.page.locator(".notice")).to_contain_text("The collector has stopped")


def test_before_the_first_pass_the_page_says_that_there_is_no_data(
    new_server: StartServer, visit: OpenVisit
) -> None:
    server = new_server()
    visitor = visit(server)
    expect(visitor.page.locator("#empty")).to_contain_text("No data yet.")
    expect(visitor.page.get_by_role("heading", name="History")).to_be_hidden()
    server.complete_pass()
    visitor.refresh()
    expect(visitor.card("alice")).to_be_visible()


def test_an_update_keeps_the_focus(own_server: ServerFixture, visit: OpenVisit) -> None:
    visitor = visit(own_server).log_in("Bob")
    switch = visitor.switch("bob", "Reset")
    switch.focus()
    own_server.complete_pass(*accounts(alice=77))
    visitor.refresh()
    expect(visitor.card("alice").get_by_role("meter", name="Current session")).to_have_attribute(
        "aria-valuetext", "77% High"
    )
    expect(switch).to_be_focused()


def test_the_page_polls_when_the_next_pass_is_due_and_not_while_hidden(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(own_server, clock=True).as_guest()
    own_server.complete_pass(*accounts(alice=55), at=now() + INTERVAL)
    visitor.requested.clear()
    visitor.page.clock.run_for(5 * 60_000)
    assert 0 < visitor.requested.count("/api/usage") < 10
    expect(visitor.card("alice")).to_contain_text("55%")
    visitor.hide()
    visitor.requested.clear()
    visitor.page.clock.run_for(10 * 60_000)
    assert visitor.requested == []
    with visitor.page.expect_request("**/api/usage"):
        visitor.come_back()


def test_a_wrong_local_clock_makes_no_number_stale(server: ServerFixture, visit: OpenVisit) -> None:
    visitor = visit(server, clock=now() + 6 * INTERVAL).as_guest()
    expect(visitor.card("alice")).to_have_attribute("data-state", "live")
    expect(visitor.page.locator(".notice")).to_have_count(0)


def test_the_banner_says_who_is_at_a_limit_and_who_must_act(guest: Visit) -> None:
    groups = guest.page.locator(".banner-group")
    expect(groups).to_have_text(
        [
            re.compile(r"^1 of 7 at a limit bob until [\w: ]+, in 1 h( \d+ min)?$"),
            "Needs action dave: session key expired",
            f"Recovers by itself {LONG}: service down",
            "Stale carol",
        ]
    )
    expect(groups.get_by_text("until").first).to_have_attribute("title", re.compile(r"\d\d:\d\d"))


def test_the_banner_counts_down_without_a_response_and_silently(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(own_server, clock=True).as_guest()
    limited = visitor.page.locator(".banner-group").first
    visitor.expect("ERR_INTERNET_DISCONNECTED")
    visitor.page.context.set_offline(True)
    visitor.page.clock.fast_forward(21 * 60_000)
    expect(limited).to_have_text(re.compile(r"^1 of 7 at a limit bob until [\w: ]+, in 5\d min$"))
    expect(visitor.page.locator("#banner")).to_have_attribute("data-live", "false")
    expect(visitor.page.locator("#announcer")).to_be_empty()
    visitor.page.clock.fast_forward(20 * 60_000)
    expect(limited).to_have_text("No current readings")


def test_a_change_of_the_banner_is_announced_to_screen_readers(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(own_server).as_guest()
    own_server.complete_pass(*accounts(alice=100))
    visitor.refresh()
    announcer = visitor.page.locator("#announcer")
    expect(announcer).to_have_text(re.compile(r"^2 of 7 at a limit: alice until [\w: ]+\.$"))
    own_server.complete_pass(*accounts())
    visitor.refresh()
    expect(announcer).to_have_text("1 of 7 at a limit.")


def test_a_single_account_has_a_banner_only_while_there_is_something_to_say(
    new_server: StartServer, visit: OpenVisit
) -> None:
    server = new_server(labels=("a",))
    server.complete_pass(Account("a", Reading(now(), windows(5, 5))))
    visitor = visit(server)
    expect(visitor.card("a")).to_be_visible()
    expect(visitor.page.locator("#banner")).to_be_hidden()
    server.complete_pass(Account("a", None, EXPIRED))
    visitor.refresh()
    expect(visitor.page.locator("#banner")).to_have_text("Needs action a: session key expired")


def test_an_error_is_marked_by_who_must_act(guest: Visit) -> None:
    expect(guest.card("dave").locator(".who-acts")).to_have_text("✕ Needs action")
    expect(guest.card("dave")).to_have_attribute("data-error", "action")
    down = guest.card(LONG)
    expect(down.locator(".who-acts")).to_have_text("↻ Recovers by itself")
    expect(down).to_have_attribute("data-error", "recovering")
    expect(down).to_contain_text("The next pass will retry.")
    colour = "element => getComputedStyle(element).borderColor"
    assert guest.card("dave").evaluate(colour) != down.evaluate(colour)
    assert guest.card("alice").get_attribute("data-error") is None


def test_an_unchanged_response_is_not_sent_again(
    own_server: ServerFixture, visit: OpenVisit
) -> None:
    visitor = visit(own_server).as_guest()
    with visitor.page.expect_response("**/api/usage") as told:
        visitor.refresh()
    assert told.value.status == 304
