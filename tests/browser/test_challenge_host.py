"""A challenge takes its parts from challenges.cloudflare.com: that is found, and gets no key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bench.tls import create_certificate
from cldmon.claude.browser import BrowserSettings, find_browser
from cldmon.demo.server import Request, Response, Route, html_response, make_response
from cldmon.domain.ports import ReadResult
from tests.browser.account_reader import AccountReader
from tests.browser.proxy import Proxy
from tests.env import key_of
from tests.simulation import faults
from tests.simulation.challenges import CHALLENGE_PAGE
from tests.simulation.claude import FakeClaude
from tests.simulation.server import FaultyServer

if TYPE_CHECKING:
    from pathlib import Path

HOST = "challenges.cloudflare.com"
PAGE = CHALLENGE_PAGE.replace(
    "</html>",
    f"""<script src="https://{HOST}/turnstile/v0/api.js"></script>
<script>addEventListener("message", () => location.reload())</script>
<iframe src="https://{HOST}/frame"></iframe></html>""",
)
FRAME = """<!doctype html><script>
fetch("/report?cookies=" + encodeURIComponent(document.cookie), {credentials: "include"})
  .then(() => parent.postMessage("passed", "*"));
</script>"""
API = f'fetch("https://{HOST}/api", {{mode: "no-cors", credentials: "include"}}); new Image().src = "https://{HOST}/image";'


def challenge_service(request: Request) -> Response:
    if request.path == "/frame":
        return html_response(FRAME)
    return make_response(API if request.path.endswith("api.js") else "", "text/javascript")


def test_a_challenge_reaches_its_host_and_the_key_does_not(tmp_path: Path) -> None:
    """The browser trusts the certificates of both; a proxy knows where they are."""
    made = create_certificate(tmp_path)
    browser = made.write_trusting_browser(find_browser(BrowserSettings(), os.environ))
    routes = (Route("", ".*", challenge_service),)
    with (
        FakeClaude(tls=made.context()) as claude,
        FaultyServer(routes, tls=made.context()) as host,
        Proxy(
            places={
                "claude.test:443": int(claude.url.rpartition(":")[2]),
                f"{HOST}:443": int(host.url.rpartition(":")[2]),
            }
        ) as proxy,
    ):
        reader = AccountReader(
            claude,
            tmp_path / "data",
            BrowserSettings(executable=browser, timeout=40),
            env={**os.environ, "https_proxy": f"http://{proxy.address}"},
            url="https://claude.test",
        )
        question = reader.add_account("alice")
        page = faults.html(403, PAGE).then(faults.header("cf-mitigated", "challenge"))
        claude.fail(key_of("alice"), page, times=1)
        result = reader.read(question)["alice"]
        assert isinstance(result, ReadResult), result
        assert result.challenged
        reached = {request.path for request in host.requests}
        assert {"/turnstile/v0/api.js", "/frame", "/report", "/api"} <= reached
        said = " ".join(map(str, host.requests)).lower()
        assert "sk-ant" not in said
        assert "sessionkey" not in said
        assert "headless" not in said
