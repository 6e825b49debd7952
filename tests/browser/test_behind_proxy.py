"""The dashboard in a real browser, below a path of a real reverse proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.server import ServerFixture
from tests.env import free_port, wait_until
from tests.proxies import FORWARD, Entrance, nginx, prepare

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import OpenVisit
    from tests.simulation.slack import FakeSlack


class Proxied(ServerFixture):
    """A dashboard that a browser reaches through a proxy only."""

    outer = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.outer}/team/cldmon/"


@pytest.mark.parametrize("strips", [False, True])
def test_the_page_works_below_a_path(
    tmp_path: Path, slack: FakeSlack, visit: OpenVisit, *, strips: bool
) -> None:
    site = Entrance(free_port(), tls=False)
    public = f'public_url = "http://127.0.0.1:{site.port}/team/cldmon/"\n'
    with Proxied(tmp_path / "own", slack, public) as server:
        server.outer = site.port
        server.write_history({minutes: {"alice": (minutes, 30)} for minutes in range(0, 50, 10)})
        server.complete_pass()
        inner = f"proxy_pass http://127.0.0.1:{server.server_port}{'/' if strips else ''};{FORWARD}"
        block = f"listen 127.0.0.1:{site.port};\nlocation /team/cldmon/ {{ {inner} }}\n"
        with nginx(prepare(tmp_path / "nginx"), f"server {{\n{block}}}\n"):
            wait_until(site.is_up)
            visitor = visit(server).log_in("Bob")
            expect(visitor.page.locator("#who-name")).to_have_text("Bob")
            expect(visitor.chart("alice")).to_be_visible()
            visitor.switch("alice", "Hit").click()
            expect(visitor.switch("alice", "Hit")).to_be_checked()
            [cookie] = visitor.page.context.cookies()
            assert (cookie.get("name"), cookie.get("path")) == (
                f"cldmon-sid-{site.port}",
                "/team/cldmon/",
            )
            visitor.page.reload()
            expect(visitor.card("alice")).to_be_visible()
            visitor.page.get_by_role("button", name="Log out").click()
            expect(visitor.page.get_by_role("combobox")).to_be_visible()
            assert visitor.page.context.cookies() == []
