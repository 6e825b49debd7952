"""The dashboard in a real browser, below a path of real reverse proxies with TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.server import ServerFixture
from tests.env import free_port, wait_until
from tests.proxies import FORWARD, Entrance, caddy, nginx, prepare, tls_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.browser.pages.conftest import OpenVisit
    from tests.simulation.slack import FakeSlack


class Proxied(ServerFixture):
    """A dashboard that a browser reaches through a proxy only."""

    outer = 0

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.outer}/team/cldmon/"


def stripping_nginx(folder: Path, own: int, served: int) -> AbstractContextManager[None]:
    inner = f"location /team/cldmon/ {{ proxy_pass http://127.0.0.1:{served}/;{FORWARD} }}\n"
    return nginx(prepare(folder), tls_server(folder, own, inner))


def plain_caddy(folder: Path, own: int, served: int) -> AbstractContextManager[None]:
    certificate = f"tls {folder}/cldmon.pem {folder}/cldmon.key"
    inner = f"reverse_proxy /team/cldmon/* 127.0.0.1:{served}"
    return caddy(prepare(folder), f"https://127.0.0.1:{own} {{\n{certificate}\n{inner}\n}}\n")


@pytest.mark.parametrize("run_proxy", [stripping_nginx, plain_caddy])
def test_the_page_works_below_a_path(
    tmp_path: Path,
    slack: FakeSlack,
    visit: OpenVisit,
    run_proxy: Callable[[Path, int, int], AbstractContextManager[None]],
) -> None:
    site = Entrance(free_port())
    public = f'public_url = "https://127.0.0.1:{site.port}/team/cldmon/"\nlogin = "open"\n'
    with Proxied(tmp_path / "own", slack, public) as server:
        server.outer = site.port
        server.write_history({minutes: {"alice": (minutes, 30)} for minutes in range(0, 50, 10)})
        server.complete_pass()
        with run_proxy(tmp_path / "proxy", site.port, server.server_port):
            wait_until(site.is_up)
            visitor = visit(server, ignore_https_errors=True).log_in("Bob")
            expect(visitor.page.locator("#who-name")).to_have_text("Bob")
            expect(visitor.chart("alice")).to_be_visible()
            visitor.switch("alice", "Hit").click()
            expect(visitor.switch("alice", "Hit")).to_be_checked()
            [cookie] = visitor.page.context.cookies()
            assert (cookie.get("name"), cookie.get("path"), cookie.get("secure")) == (
                f"cldmon-sid-{site.port}",
                "/team/cldmon/",
                True,
            )
            visitor.page.reload()
            expect(visitor.card("alice")).to_be_visible()
            visitor.page.get_by_role("button", name="Log out").click()
            expect(visitor.page.get_by_role("heading", name="Log in")).to_be_visible()
            assert visitor.page.context.cookies() == []
