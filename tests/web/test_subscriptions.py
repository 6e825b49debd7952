"""POST /api/subscriptions and GET /api/slack/users."""

from __future__ import annotations

import os
import time
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from cldmon import files
from cldmon.demo.slack import SimUser
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.instants import format_iso
from cldmon.store.subscriptions import SubscriptionsFile
from cldmon.web.confirmations import Confirmations
from tests.env import wait_until
from tests.fakes import NOON
from tests.simulation.slack import error
from tests.web.in_process import API_TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.slack import FakeSlack
    from tests.web.in_process import InProcessServer


def wait_for(ask: Callable[[], Any], seconds: float = 10) -> Any:
    """Return the first result that is not None."""
    end = time.monotonic() + seconds
    while (found := ask()) is None and time.monotonic() < end:
        time.sleep(0.02)
    return found


HIT = {"label": "alice", "key": "limitHit", "enabled": True}


def test_a_change_is_saved_shown_and_confirmed(
    slack_server: InProcessServer, fake_slack: FakeSlack
) -> None:
    browser = slack_server.logged_in("U01ALICE")
    assert browser.post_json("/api/subscriptions", HIT).json == {
        "ok": True,
        "label": "alice",
        "subscription": {"limitHit": True, "reset": False},
        "confirmation": "pending",
    }
    last = wait_for(lambda: browser.get("/api/usage").json["lastConfirmation"])
    assert last == {
        "label": "alice",
        "ok": True,
        "error": None,
        "at": format_iso(slack_server.clock()),
    }
    assert [message.user for message in fake_slack.sent] == ["U01ALICE"]
    shown = browser.get("/api/usage").json["alertSubscriptions"]["alice"]
    assert shown == {"limitHit": True, "reset": False}


def test_each_alert_is_changed_for_itself(slack_server: InProcessServer) -> None:
    browser = slack_server.logged_in("U01ALICE")
    browser.post_json("/api/subscriptions", HIT)
    browser.post_json("/api/subscriptions", {**HIT, "key": "reset"})
    got = browser.post_json("/api/subscriptions", {**HIT, "enabled": False})
    assert got.json["subscription"] == {"limitHit": False, "reset": True}


def test_a_confirmation_that_fails_undoes_nothing(
    slack_server: InProcessServer, fake_slack: FakeSlack
) -> None:
    browser = slack_server.logged_in("U01ALICE")
    fake_slack.fail(error("not_authed"))
    got = browser.post_json("/api/subscriptions", HIT)
    assert (got.status, got.json["confirmation"]) == (200, "pending")
    last = wait_for(lambda: browser.get("/api/usage").json["lastConfirmation"])
    assert (last["label"], last["ok"]) == ("alice", False)
    assert last["error"].startswith("the confirmation message failed: Slack got no token")
    assert SubscriptionsFile(slack_server.data_dir).load().of("U01ALICE", "alice").limit_hit


def test_a_confirmation_is_sent_even_if_no_thread_can_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor does that keep later ones from being sent."""
    texts = []

    class Messenger:
        def confirm(self, user: str, text: object) -> DeliveryResult:
            texts.append((user, text))
            return DeliveryResult(DeliveryStatus.DELIVERED)

    def fail(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    confirmations = Confirmations(lambda: NOON)
    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", fail)
        confirmations.start("U1", "alice", "first", Messenger())
    confirmations.start("U1", "alice", "second", Messenger())
    wait_until(lambda: texts == [("U1", "first"), ("U1", "second")])


def test_thresholds_windows_and_quiet_hours_are_saved_and_shown(
    slack_server: InProcessServer,
) -> None:
    browser = slack_server.logged_in("U01ALICE")
    browser.post_json("/api/subscriptions", {"label": "alice", "thresholds": [95, 80, 80]})
    browser.post_json("/api/subscriptions", {"label": "alice", "windows": ["sevenDay"]})
    browser.post_json("/api/subscriptions", {**HIT, "key": "runOut"})
    got = browser.post_json("/api/subscriptions", {**HIT, "key": "changes"})
    wanted = {
        "limitHit": False,
        "reset": False,
        "thresholds": [80, 95],
        "runOut": True,
        "changes": True,
        "windows": ["sevenDay"],
    }
    assert got.json["subscription"] == wanted
    quiet = {"from": "20:00", "to": "08:00", "timezone": "Europe/Berlin"}
    assert browser.post_json("/api/subscriptions", {"quiet": quiet}).json == {
        "ok": True,
        "quiet": quiet,
        "confirmation": "pending",
    }
    usage = browser.get("/api/usage").json
    assert (usage["alertSubscriptions"]["alice"], usage["alertQuiet"]) == (wanted, quiet)
    browser.post_json("/api/subscriptions", {"label": "alice", "thresholds": []})
    browser.post_json("/api/subscriptions", {"label": "alice", "windows": None})
    browser.post_json("/api/subscriptions", {"quiet": None})
    usage = browser.get("/api/usage").json
    rest = {"limitHit": False, "reset": False, "runOut": True, "changes": True}
    assert (usage["alertSubscriptions"]["alice"], usage["alertQuiet"]) == (rest, None)


@pytest.mark.parametrize(
    "name", ["fiveHour", "models.Fable", "scoped.Fable · Claude Code", "monthly", "daily · Fable"]
)
def test_any_possible_window_can_be_chosen(slack_server: InProcessServer, name: str) -> None:
    """Also one of a kind that cldmon does not know."""
    browser = slack_server.logged_in("U01ALICE")
    got = browser.post_json("/api/subscriptions", {"label": "alice", "windows": [name]})
    assert got.json["subscription"]["windows"] == [name]


def test_a_guest_may_not(slack_server: InProcessServer) -> None:
    assert slack_server.logged_in().post_json("/api/subscriptions", HIT).status == 403


def test_a_program_may_not(slack_server: InProcessServer) -> None:
    """The token belongs to no Slack user."""
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    assert slack_server.ask("POST", "/api/subscriptions", HIT, headers).status == 403


def test_a_stranger_may_not(slack_server: InProcessServer) -> None:
    assert slack_server.client().post_json("/api/subscriptions", HIT).status == 401


def test_with_slack_off_there_is_nothing_to_subscribe_to(server: InProcessServer) -> None:
    assert server.logged_in().post_json("/api/subscriptions", HIT).status == 404


def test_an_account_that_is_not_configured_is_unknown(slack_server: InProcessServer) -> None:
    browser = slack_server.logged_in("U01ALICE")
    assert browser.post_json("/api/subscriptions", {**HIT, "label": "nobody"}).status == 404


def test_a_window_counts_once(slack_server: InProcessServer) -> None:
    body = {"label": "alice", "windows": ["sevenDay", "fiveHour", "sevenDay"]}
    got = slack_server.logged_in("U01ALICE").post_json("/api/subscriptions", body)
    assert got.json["subscription"]["windows"] == ["sevenDay", "fiveHour"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {**HIT, "key": "both"},
        {**HIT, "enabled": "yes"},
        {**HIT, "enabled": 1},
        {**HIT, "label": None},
        {**HIT, "label": "x" * 501},
        {"label": "alice", "key": "limitHit"},
        {"label": "alice", "thresholds": [0]},
        {"label": "alice", "thresholds": [100]},
        {"label": "alice", "thresholds": [80.5]},
        {"label": "alice", "thresholds": [True]},
        {"label": "alice", "thresholds": "80"},
        {"label": "alice", "thresholds": list(range(1, 12))},
        {"label": "alice", "windows": []},
        {"label": "alice", "windows": ["no window!"]},
        {"label": "alice", "windows": ["models.\ud800"]},
        {"label": "alice", "windows": ["models." + "x" * 500]},
        {"label": "alice", "windows": "sevenDay"},
        {"quiet": {"from": "20:00"}},
        {"quiet": {"from": "20:00", "to": "20:00"}},
        {"quiet": {"from": "24:00", "to": "08:00"}},
        {"quiet": {"from": "20:00", "to": "08:00", "timezone": "Mars/Olympus"}},
        {"quiet": {"from": "20:00", "to": "08:00", "timezone": "../etc/passwd"}},
        {"quiet": "20:00-08:00"},
        {"quiet": None, "label": "alice"},
        {**HIT, "thresholds": [80]},
        {"label": "alice", "thresholds": [80], "windows": None},
    ],
)
def test_a_bad_body_is_refused(slack_server: InProcessServer, body: Any) -> None:
    browser = slack_server.logged_in("U01ALICE")
    assert browser.post_json("/api/subscriptions", body).status == 400


def test_damaged_subscriptions_are_not_overwritten(slack_server: InProcessServer) -> None:
    file = slack_server.data_dir / "subscriptions.json"
    browser = slack_server.logged_in("U01ALICE")
    file.write_text("{")
    assert browser.post_json("/api/subscriptions", HIT).status == 503
    assert file.read_text() == "{"
    assert "subscriptions.json" in slack_server.warnings[0]


def test_a_change_waits_for_no_other_process_without_end(slack_server: InProcessServer) -> None:
    browser = slack_server.logged_in("U01ALICE")
    with files.lock(slack_server.data_dir / "subscriptions.lock", wait=0):
        got = browser.post_json("/api/subscriptions", HIT)
    assert (got.status, got.header("Retry-After")) == (503, "10")
    assert (
        f"subscriptions.lock: try again, or end it (process {os.getpid()})"
        in (slack_server.warnings[0])
    )
    assert browser.post_json("/api/subscriptions", HIT).status == 200


def test_changes_are_slowed_down_before_slack_is_flooded(slack_server: InProcessServer) -> None:
    browser = slack_server.logged_in("U01ALICE")
    statuses = [browser.post_json("/api/subscriptions", HIT).status for _ in range(61)]
    assert (statuses[59], statuses[60]) == (200, 429)


def test_people_can_be_searched_before_a_login(slack_server: InProcessServer) -> None:
    got = slack_server.client().get("/api/slack/users?q=chl")
    assert got.json == {
        "users": [
            {
                "id": "U03CHLOE",
                "name": "🦊 chloé",
                "userName": "chloe",
                "realName": "Chloé Nuñez 🦊",
                "username": "chloe",
                "displayName": "🦊 chloé",
            }
        ]
    }


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20"])
def test_an_empty_search_finds_nobody(slack_server: InProcessServer, query: str) -> None:
    got = slack_server.client().get(f"/api/slack/users{query}")
    assert (got.status, got.json) == (200, {"users": []})


def test_the_best_eight_are_offered(slack_server: InProcessServer, fake_slack: FakeSlack) -> None:
    fake_slack.users |= {
        f"U9{n:03}": SimUser(f"U9{n:03}", f"robot{n}", f"Robo {n}") for n in range(50)
    }
    users = slack_server.client().get("/api/slack/users?q=robo").json["users"]
    assert len(users) == 8


def test_names_with_markup_can_do_no_harm(slack_server: InProcessServer) -> None:
    got = slack_server.client().get("/api/slack/users?q=bob")
    assert got.json["users"][0]["realName"] == "Bob <b>Builder</b> & Sons"
    assert not set(got.body) & set(b"<>&")


def test_with_slack_off_a_search_finds_nobody(server: InProcessServer) -> None:
    got = server.client().get("/api/slack/users?q=a")
    assert (got.status, got.json) == (200, {"users": []})


def test_people_cannot_be_searched_while_slack_is_down(
    slack_server: InProcessServer, fake_slack: FakeSlack
) -> None:
    fake_slack.fail(error("internal_error"))
    got = slack_server.client().get("/api/slack/users?q=a")
    assert got.status == 503
    assert slack_server.warnings
