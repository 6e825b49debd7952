"""A visitor of the dashboard, and the errors in their browser."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator, Page, Request

    from tests.browser.server import ServerFixture


class Visit:
    """A page with the dashboard, and locators for its parts."""

    def __init__(self, page: Page, server: ServerFixture) -> None:
        self.page = page
        self.server = server
        self.errors: list[str] = []
        self.foreign_urls: set[str] = set()
        self.requested: list[str] = []
        self.expected: tuple[str, ...] = ()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._on_request)

    def go(self, path: str = "") -> None:
        """Open the page, and wait for the login box or the dashboard."""
        self.page.goto(self.server.url + path)
        self.page.locator(
            "#login button, .card, .account-row, #empty:visible, .notice"
        ).first.wait_for()

    def expect(self, *messages: str) -> None:
        """Ignore these console messages: the browser logs each refused request."""
        self.expected = messages

    def as_guest(self) -> Visit:
        """Log in as a guest."""
        self.page.get_by_role("button", name="Continue as guest").click()
        self.page.locator(".card, .account-row").first.wait_for()
        return self

    def log_in(self, name: str) -> Visit:
        """Log in by a name that matches one person."""
        self.page.get_by_role("combobox", name="Your Slack name").fill(name)
        self.page.keyboard.press("Enter")
        self.page.locator(".card, .account-row, #code").first.wait_for()
        return self

    def card(self, label: str) -> Locator:
        """Return an account's card."""
        return self.page.locator("#cards").get_by_role("article", name=label, exact=True)

    def panel(self, label: str) -> Locator:
        """Return an account's history."""
        return self.page.locator("#history").get_by_role("article", name=label, exact=True)

    def chart(self, label: str) -> Locator:
        """Return an account's chart, scrolled to, since only charts near the viewport are drawn."""
        self.panel(label).scroll_into_view_if_needed()
        return self.panel(label).locator("canvas")

    def range(self, name: str) -> Locator:
        """Return the button of a range of the history."""
        ranges = self.page.get_by_role("group", name="Range")
        return ranges.get_by_role("button", name=name, exact=True)

    def switch(self, label: str, name: str) -> Locator:
        """Return an alert switch."""
        return self.card(label).get_by_role("switch", name=name)

    def refresh(self) -> None:
        """Focus the page, which then polls."""
        self.page.evaluate("dispatchEvent(new Event('focus'))")

    def hide(self) -> None:
        """Switch to another tab."""
        self._set_hidden(hidden=True)

    def come_back(self) -> None:
        """Switch back to this tab."""
        self._set_hidden(hidden=False)

    def _set_hidden(self, *, hidden: bool) -> None:
        self.page.evaluate(
            "value => { Object.defineProperty(document, 'hidden', {value, writable: true});"
            " document.dispatchEvent(new Event('visibilitychange')) }",
            hidden,
        )

    def is_too_wide(self) -> bool:
        """Return whether the page scrolls sideways."""
        return bool(
            self.page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
        )

    def _on_console(self, message: ConsoleMessage) -> None:
        known = any(part in message.text for part in self.expected)
        if message.type in ("error", "warning") and not known:
            self.errors.append(message.text)

    def _on_request(self, request: Request) -> None:
        self.requested.append(urlsplit(request.url).path)
        if not request.url.startswith(self.server.url):
            self.foreign_urls.add(request.url)
