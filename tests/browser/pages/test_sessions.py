"""A page that is left open, before a server whose clock the tests move."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.fakes import Clock
from tests.web.in_process import InProcessServer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.pages.conftest import OpenVisit
    from tests.browser.visit import Visit
    from tests.simulation.slack import FakeSlack


def poll(visitor: Visit) -> None:
    with visitor.page.expect_response("**/api/usage"):
        visitor.refresh()


def test_a_page_left_open_for_weeks_stays_logged_in(
    tmp_path: Path, slack: FakeSlack, visit: OpenVisit
) -> None:
    clock = Clock()
    with InProcessServer(tmp_path, clock, slack=slack) as server:
        server.passed()
        visitor = visit(server).log_in("Alice")
        for _ in range(9):
            clock.tick(timedelta(days=3))
            poll(visitor)
        expect(visitor.page.locator("#who-name")).to_have_text("Alice")
        expect(visitor.card("alice")).to_be_visible()
        visitor.go()
        expect(visitor.card("alice")).to_be_visible()
        visitor.expect("401")
        clock.tick(timedelta(days=3))
        poll(visitor)
        expect(visitor.page.get_by_role("alert")).to_have_text(
            "Your session has ended. Log in again."
        )


def test_a_page_left_open_notices_that_slack_was_switched_on(
    tmp_path: Path, slack: FakeSlack, visit: OpenVisit
) -> None:
    clock = Clock()
    with InProcessServer(tmp_path, clock) as server:
        server.passed()
        visitor = visit(server)
        clock.tick(timedelta(days=40))
        poll(visitor)
        expect(visitor.card("alice")).to_be_visible()
        visitor.expect("401")
        server.use_slack(slack)
        poll(visitor)
        visitor.log_in("Alice")
        expect(visitor.page.locator("#who-name")).to_have_text("Alice")
