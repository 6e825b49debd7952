"""A page that takes what the Node program documents at its word, as that program's own does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from cldmon.domain.model import Account, Failure, FailureKind, Reading
from tests.browser.server import capture, now

if TYPE_CHECKING:
    from tests.browser.pages.conftest import OpenVisit, StartServer

NODE_PAGE = """<!doctype html><title>Usage</title><main></main><script type="module">
const {accounts} = await (await fetch("api/usage")).json();
const bar = (name, {utilization}) =>
  `<p>${name} ${utilization}%</p><i style="display: block; width: ${utilization}%">|</i>`;
document.querySelector("main").innerHTML = accounts.map((account) =>
  `<section aria-label="${account.label}">` + (account.status === "error"
    ? account.error : bar("5h", account.fiveHour) + bar("7d", account.sevenDay)) + "</section>"
).join("");
</script>"""
"""It writes each utilization as a number, and as the width of a bar; a width it cannot read is
none, so that the bar is full."""


def test_a_window_that_an_account_lacks_is_an_empty_bar(
    new_server: StartServer, visit: OpenVisit
) -> None:
    without, neither = capture("ultra-without-session"), Account("free", Reading(now(), {}))
    failed = Account("broken", None, Failure(FailureKind.SERVICE_DOWN, "the service is down"))
    labels = ("pro-plain", without.label, neither.label, failed.label)
    server = new_server(labels=labels)
    server.complete_pass(capture("pro-plain"), without, neither, failed)
    visitor = visit(server)
    visitor.page.route(
        "**/node.html", lambda route: route.fulfill(body=NODE_PAGE, content_type="text/html")
    )
    visitor.page.goto(f"{server.url}node.html")
    accounts = visitor.page.get_by_role("region")
    expect(accounts).to_have_count(len(labels))
    expect(visitor.page.locator("main")).not_to_contain_text(re.compile("null|undefined|NaN"))
    for label, numbers in {without.label: [0, 12], neither.label: [0, 0]}.items():
        account = visitor.page.get_by_role("region", name=label, exact=True)
        expect(account.locator("p")).to_have_text([f"5h {numbers[0]}%", f"7d {numbers[1]}%"])
        room = account.evaluate("section => section.clientWidth")
        widths = account.locator("i").evaluate_all("bars => bars.map(bar => bar.clientWidth)")
        assert widths == [round(room * percent / 100) for percent in numbers]
