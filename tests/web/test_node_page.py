"""The calls of the Node program's own page, in the order in which a person makes it do them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.model import to_ms
from cldmon.store.history import History, line

if TYPE_CHECKING:
    from cldmon.demo.slack import FakeSlack
    from tests.web.house import House

RANGES = ("1h", "5h", "1d", "7d")


def test_with_slack_off(house: House) -> None:
    """The page finds itself logged in as a guest, and shows no login box."""
    house.passed()
    History(house.data_dir).ensure(line(house.clock(), {"alice": {}}))
    page = house.client()
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
        assert entry["timestamp"] == to_ms(house.clock())
    assert page.get("/api/slack/users?q=a").status == 404
    assert page.post("/api/logout").json == {"ok": True}
    assert page.get("/api/usage").status == 401
    assert page.get("/api/session").json["authenticated"] is True


def test_with_slack_on(slack_house: House, fake_slack: FakeSlack) -> None:
    """Login box, completion, login, a toggle, logout; then once more as a guest."""
    slack_house.passed()
    page = slack_house.client()
    assert page.get("/api/session").json["authenticated"] is False
    assert page.get("/api/usage").json == {"error": "Unauthorized"}
    [user] = page.get("/api/slack/users?q=chlo").json["users"]
    login = page.post("/api/auth", {"slackId": user["id"]}).json
    assert (login["ok"], login["session"]["slackName"]) == (True, user["name"])
    assert page.get("/api/usage").json["alertSubscriptions"]["bob"]["reset"] is False
    wish = {"label": "bob", "key": "reset", "enabled": True}
    assert page.post("/api/subscriptions", wish).json["subscription"]["reset"] is True
    assert [message.user for message in fake_slack.wait_for(1)] == [user["id"]]
    assert page.get("/api/usage").json["alertSubscriptions"]["bob"]["reset"] is True
    assert page.post("/api/logout").json == {"ok": True}
    assert page.get("/api/session").json["authenticated"] is False
    assert page.post("/api/auth", {"slackId": ""}).json["session"]["guest"] is True
    assert page.post("/api/subscriptions", wish).status == 403
    assert [page.get(f"/api/history?range={range_}").json for range_ in RANGES] == [[]] * 4
