"""Somebody who looks at the dashboard, and what their browser complains of."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator, Page, Request

    from tests.browser.server import ServerFixture


class Visit:
    """A page on a dashboard, and by what names its parts are found."""

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
        """Open the page, and wait until it knows who is there."""
        self.page.goto(self.server.url + path)
        self.page.locator("#login button, .card, #empty:visible, .notice").first.wait_for()

    def expect(self, *messages: str) -> None:
        """Let the browser itself log these: it does for each refused request."""
        self.expected = messages

    def as_guest(self) -> Visit:
        """Come in without a name."""
        self.page.get_by_role("button", name="Continue as guest").click()
        self.page.locator(".card").first.wait_for()
        return self

    def log_in(self, name: str) -> Visit:
        """Come in by a name of which one person is known."""
        self.page.get_by_role("combobox").fill(name)
        self.page.keyboard.press("Enter")
        self.page.locator(".card, #code").first.wait_for()
        return self

    def card(self, label: str) -> Locator:
        """Return an account's card."""
        return self.page.locator("#cards").get_by_role("article", name=label, exact=True)

    def panel(self, label: str) -> Locator:
        """Return an account's history."""
        return self.page.locator("#history").get_by_role("article", name=label, exact=True)

    def chart(self, label: str) -> Locator:
        """Return an account's chart, which is drawn once it is nearly in sight."""
        self.panel(label).scroll_into_view_if_needed()
        return self.panel(label).locator("canvas")

    def switch(self, label: str, name: str) -> Locator:
        """Return an alert switch."""
        return self.card(label).get_by_role("switch", name=name)

    def refresh(self) -> None:
        """Come back to the page, which then asks for news."""
        self.page.evaluate("dispatchEvent(new Event('focus'))")

    def hide(self) -> None:
        """Look at another tab."""
        self._turn(hidden=True)

    def come_back(self) -> None:
        """Look at this tab again."""
        self._turn(hidden=False)

    def _turn(self, *, hidden: bool) -> None:
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
