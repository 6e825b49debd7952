"""The requests of the Node program's page, in the order in which a person triggers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cldmon.domain.instants import to_ms
from cldmon.store.history import History, format_line
from cldmon.web.api import ROUTES

if TYPE_CHECKING:
    from tests.simulation.slack import FakeSlack
    from tests.web.in_process import InProcessServer

RANGES = ("1h", "5h", "1d", "7d")


def test_with_slack_off(server: InProcessServer) -> None:
    """The page finds itself logged in as a guest, and shows no login box."""
    server.passed()
    History(server.data_dir).ensure(format_line(server.clock(), {"alice": {}}))
    page = server.client()
    session = page.get("/api/session").json
    assert (session["authenticated"], session["guest"], session["slackEnabled"]) == (
        True,
        True,
        False,
    )
    usage = page.get("/api/usage").json
    assert [account["label"] for account in usage["accounts"]] == ["alice", "bob"]
    for range_ in RANGES:
        [entry] = page.get(f"/api/history?range={range_}").json
        assert entry["timestamp"] == to_ms(server.clock())
    assert page.get("/api/slack/users?q=a").json == {"users": []}
    assert page.post_json("/api/logout").json == {"ok": True}
    assert page.get("/api/usage").status == 200
    assert page.get("/api/session").json["authenticated"] is True


def test_with_slack_on(slack_server: InProcessServer, fake_slack: FakeSlack) -> None:
    """Login box, completion, login, a toggle, logout; then once more as a guest."""
    slack_server.passed()
    page = slack_server.client()
    assert page.get("/api/session").json["authenticated"] is False
    assert page.get("/api/usage").json == {"error": "Unauthorized"}
    [user] = page.get("/api/slack/users?q=chlo").json["users"]
    login = page.post_json("/api/auth", {"slackId": user["id"]}).json
    assert (login["ok"], login["session"]["slackName"]) == (True, user["name"])
    assert page.get("/api/usage").json["alertSubscriptions"]["bob"]["reset"] is False
    wish = {"label": "bob", "key": "reset", "enabled": True}
    assert page.post_json("/api/subscriptions", wish).json["subscription"]["reset"] is True
    assert [message.user for message in fake_slack.wait_for(1)] == [user["id"]]
    assert page.get("/api/usage").json["alertSubscriptions"]["bob"]["reset"] is True
    assert page.post_json("/api/logout").json == {"ok": True}
    assert page.get("/api/session").json["authenticated"] is False
    assert page.post_json("/api/auth", {"slackId": ""}).json["session"]["guest"] is True
    assert page.post_json("/api/subscriptions", wish).status == 403
    assert [page.get(f"/api/history?range={range_}").json for range_ in RANGES] == [[]] * 4


def test_with_slack_off_a_script_reads_without_a_session(server: InProcessServer) -> None:
    server.passed()
    for path in ("/api/usage", "/api/usage/", "/api/history?range=1h", "/api/events?range=1d"):
        assert server.ask("GET", path).status == 200
    server.configure(login="code")
    assert server.ask("GET", "/api/usage").status == 401


@pytest.mark.parametrize("path", [path for path in ROUTES if path.startswith("/api/")])
def test_a_slash_may_end_a_path_of_the_api(slack_server: InProcessServer, path: str) -> None:
    [method] = ROUTES[path]
    with_slash, without = (slack_server.ask(method, asked) for asked in (f"{path}/", path))
    assert (with_slash.status, with_slash.body) == (without.status, without.body)
    assert slack_server.ask(method, f"{path}//").status == 404


def test_strangers_may_log_out(slack_server: InProcessServer) -> None:
    """Without a cookie, with a meaningless one, and with that of a session that has ended."""
    ended = slack_server.logged_in("U01ALICE")
    assert ended.post_json("/api/logout").status == 200
    for cookie in ("", "cldmon-sid-3000=nothing", ended.cookie):
        got = slack_server.ask("POST", "/api/logout", headers={"Cookie": cookie})
        assert (got.status, got.json) == (200, {"ok": True})
