"""A real Chromium, a running dashboard, and its visitors."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright

from cldmon.claude.browser import BrowserSettings, find_browser
from cldmon.demo.scenario import TEAM
from cldmon.demo.slack import SimUser
from tests.browser.server import HOSTILE, ServerFixture, ThreadedServer
from tests.browser.visit import Visit
from tests.simulation.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext

    OpenVisit = Callable[..., Visit]
    StartServer = Callable[..., ServerFixture]

STRANGER = SimUser("U66STRANGE", "strange", f"{HOSTILE} Real", HOSTILE)
HISTORY: dict[int, dict[str, tuple[int, int]]] = {
    **{minutes: {"alice": (minutes % 40, 30), "dave": (40, 41)} for minutes in range(60, 600, 10)},
    **{minutes: {"bob": (min(100, 118 - minutes), 90)} for minutes in range(0, 55, 10)},
    3000: {"bob": (100, 80)},
    2990: {"bob": (20, 80)},
    2980: {"bob": (24, 80)},
}
"""Alice's last hour is a gap; bob went to 100 some minutes ago, and came from there days ago."""


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser that cldmon uses, for this folder: its event loop would disturb others."""
    settings = BrowserSettings()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(settings, os.environ), chromium_sandbox=settings.sandboxed
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def slack() -> Iterator[FakeSlack]:
    """A simulated Slack, one of whose people has a hostile name."""
    with FakeSlack(users=(*TEAM, STRANGER)) as slack:
        yield slack


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, slack: FakeSlack) -> Iterator[ServerFixture]:
    """A dashboard with Slack, for all tests that don't change it."""
    with ServerFixture(tmp_path_factory.mktemp("server"), slack) as server:
        server.write_history(HISTORY)
        server.complete_pass()
        yield server


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start a dashboard without data, for a single test."""
    with ExitStack() as running:
        yield lambda *given, **more: running.enter_context(
            ThreadedServer(tmp_path / "own", *given, **more)
        )


@pytest.fixture
def own_server(new_server: StartServer, slack: FakeSlack) -> ServerFixture:
    """A dashboard with Slack for a single test."""
    server = new_server(slack)
    server.complete_pass()
    return server


@contextmanager
def open_visits(chromium: Browser) -> Iterator[OpenVisit]:
    """Open dashboards, each in a browser context of its own, and check that nothing went wrong."""
    opened: list[tuple[BrowserContext, Visit]] = []

    def opens(server: ServerFixture, *, clock: bool | datetime = False, **context: Any) -> Visit:
        """Open a dashboard as a new visitor; `clock` makes their clock adjustable, or sets it."""
        own = chromium.new_context(**{"locale": "en-GB", "timezone_id": "Europe/Berlin", **context})
        own.set_default_timeout(10_000)
        visit = Visit(own.new_page(), server)
        opened.append((own, visit))
        if clock:
            visit.page.clock.install(time=None if clock is True else clock)
        visit.go()
        return visit

    yield opens
    for context, visit in opened:
        context.close()
        assert visit.errors == []
        assert visit.foreign_urls == set()


@pytest.fixture
def visit(chromium: Browser, new_server: StartServer) -> Iterator[OpenVisit]:
    """Open dashboards for a single test."""
    with open_visits(chromium) as visit:
        yield visit


@pytest.fixture(scope="module")
def shared_visit(chromium: Browser) -> Iterator[OpenVisit]:
    """Open dashboards for the tests of a module that only look at them."""
    with open_visits(chromium) as visit:
        yield visit


@pytest.fixture(scope="module")
def guest(server: ServerFixture, shared_visit: OpenVisit) -> Visit:
    """A guest's visit, for the tests of a module that only look at it."""
    return shared_visit(server).as_guest()
