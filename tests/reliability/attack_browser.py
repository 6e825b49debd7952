"""Texts that would be more than text in a page, in a real Chromium on a real dashboard."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from cldmon.claude.browser import BrowserSettings, find_browser
from cldmon.demo.slack import SimUser
from cldmon.domain.model import Account, Failure, FailureKind, Reading, Window
from tests.browser.server import ServerFixture, now, windows
from tests.browser.visit import Visit
from tests.reliability.result import LetInError, Result
from tests.simulation.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CALL = "top.pwned=1"
PAYLOADS = (
    f"<script>{CALL}</script>",
    f"</script><script>{CALL}</script>",
    f"<img src=x onerror={CALL}>",
    f'"><svg/onload={CALL}>',
    f"'><svg onload={CALL}>",
    f"<iframe srcdoc='<script>{CALL}</script>'>",
    f"<a href='javascript:{CALL}'>x</a>",
    f"javascript:{CALL}",
    f'" autofocus onfocus={CALL} x="',
    f"<details open ontoggle={CALL}>",
    f"<body onload={CALL}>",
    "<base href=//evil.example/>",
    "<link rel=stylesheet href=//evil.example>",
    "<meta http-equiv=refresh content=0;//evil.example>",
    "<form action=//evil.example><button>",
    "<style>*{display:none}</style>",
    f"${{{CALL}}}",
    f"{{{{{CALL}}}}}",
    "&lt;script&gt;",
    "--><!-- ",
    "]]>",
    f"\\u003cscript\\u003e{CALL}",
    "__proto__",
    "constructor",
    "toString",
    "<template><img src=x>",
    f"<math><mtext><img src=x onerror={CALL}>",
    "%3Cscript%3E",
    "hasOwnProperty",
)
LOOKS = """payloads => {
  const known = new Set(['javascript:', 'data:']);
  const odd = [...document.querySelectorAll('*')].filter(element =>
    [...element.attributes].some(a => /^on/i.test(a.name)
      || known.has(a.value.split(':')[0] + ':') && a.name !== 'href')
    || ['IFRAME', 'BASE', 'OBJECT', 'EMBED', 'MATH', 'STYLE'].includes(element.tagName)
    || (element.tagName === 'SCRIPT' && !element.src.startsWith(location.origin))
    || (element.tagName === 'IMG' && element.getAttribute('src') === 'x'));
  const text = document.body.innerText + [...document.querySelectorAll('[aria-label],[title]')]
    .map(e => (e.getAttribute('aria-label') || '') + (e.getAttribute('title') || '')).join(' ');
  return {pwned: top.pwned ?? null, odd: odd.map(e => e.outerHTML), polluted: ({}).pwned ?? null,
          seen: payloads.filter(p => text.includes(p))};
}"""
"""What runs, what became an element or an attribute, and which payloads are seen to the letter."""


def run_cases(folder: Path, step: int) -> Iterator[Result]:
    """Put each payload into each place, look at the page, and search each `step`th by its name."""
    users = [SimUser(f"U{n}", f"u{n}", text, text) for n, text in enumerate(PAYLOADS)]
    with (
        FakeSlack(users=users) as slack,
        ServerFixture(folder / "browser", slack, labels=PAYLOADS) as server,
        sync_playwright() as playwright,
    ):
        server.write_history({n * 10 + 1: dict.fromkeys(PAYLOADS, (n, 50)) for n in range(4)})
        server.complete_pass(*_accounts())
        settings = BrowserSettings()
        browser = playwright.chromium.launch(
            executable_path=find_browser(settings, os.environ), chromium_sandbox=settings.sandboxed
        )
        yield _pages(server, browser.new_page(), step)
        browser.close()


def _accounts() -> Iterator[Account]:
    """Yield one for each payload: half in error, with models of that name."""
    for number, text in enumerate(PAYLOADS):
        failure = Failure(FailureKind.SERVICE_DOWN, text) if number % 2 else None
        found = {**windows(number, 50), f"models.{text}": Window(60, now())}
        yield Account(text, Reading(now(), found, text), failure)


def _pages(server: ServerFixture, page: Any, step: int) -> Result:
    result = Result("scripts in labels, models, errors and Slack names, in a real browser (XSS)")
    visit = Visit(page, server)
    visit.expect("Failed to load resource")
    visit.go()
    _look(result, visit, "before the login")
    combobox = page.get_by_role("combobox", name="Your Slack name")
    for number, text in [*enumerate(PAYLOADS)][::step]:
        with result.case(f"typed, and offered: {text}"):
            combobox.fill(f"U{number}")
            page.get_by_role("option").filter(has_text=f"@u{number}").first.wait_for()
            _inspect(page.evaluate(LOOKS, list(PAYLOADS)), visit)
    page.get_by_role("option").first.click()
    page.get_by_role("button", name="Log in", exact=True).click()
    page.get_by_role("button", name="Show cards").wait_for()
    _look(result, visit, "logged in, accounts as a table")
    page.get_by_role("button", name="Show cards").click()
    page.locator(".card").first.wait_for()
    page.locator(".compare-choice select").select_option(index=1)
    page.locator(".compare").wait_for()
    for panel in page.locator("#history article:visible").all():
        panel.scroll_into_view_if_needed()
    seen = _look(result, visit, "logged in, accounts as cards")
    for text in PAYLOADS:
        with result.case(f"shown to the letter: {text}"):
            assert text in seen
    visit.go(f"?q=<img src=x onerror={CALL}>#<img src=x onerror={CALL}>")
    _look(result, visit, "an address with a script in it")
    return result


def _look(result: Result, visit: Visit, where: str) -> list[str]:
    found = visit.page.evaluate(LOOKS, list(PAYLOADS))
    with result.case(where):
        _inspect(found, visit)
    return [*found["seen"]]


def _inspect(found: dict[str, Any], visit: Visit) -> None:
    """Raise where something ran, became more than text, left the server, or was refused."""
    if found["pwned"] or found["polluted"] or found["odd"] or visit.foreign_urls or visit.errors:
        raise LetInError(f"{found} {visit.foreign_urls} {visit.errors}"[:500])
