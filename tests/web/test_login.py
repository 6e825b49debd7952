"""Login and logout: by name, as a guest and with a code."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon import files
from cldmon.demo.slack import SimUser
from cldmon.web.revocations import LIFETIME
from tests.simulation.slack import error
from tests.web.in_process import API_TOKEN

if TYPE_CHECKING:
    from tests.fakes import Clock
    from tests.simulation.http_client import Got
    from tests.simulation.slack import FakeSlack
    from tests.web.in_process import Client, InProcessServer

GUEST = {"slackId": ""}
ALICE = {"slackId": "U01ALICE"}


def test_with_slack_off_strangers_become_guests(server: InProcessServer) -> None:
    browser = server.client()
    assert browser.get("/api/session").json == {
        "authenticated": True,
        "guest": True,
        "slackId": "",
        "slackName": "",
        "slackEnabled": False,
        "guestsAdmitted": True,
    }
    assert browser.get("/api/usage").status == 200


def test_a_guest_session_is_opened_once(server: InProcessServer) -> None:
    browser = server.client()
    browser.get("/api/session")
    assert browser.get("/api/session").header("Set-Cookie") is None


def test_with_slack_off_a_slack_id_is_refused(server: InProcessServer) -> None:
    got = server.client().post_json("/api/auth", ALICE)
    assert (got.status, got.json) == (404, {"error": "Slack login is disabled"})


def test_with_slack_on_strangers_stay_strangers(slack_server: InProcessServer) -> None:
    got = slack_server.client().get("/api/session")
    assert got.json["authenticated"] is False
    assert got.header("Set-Cookie") is None


def test_a_guest_logs_in_with_an_empty_id(slack_server: InProcessServer) -> None:
    browser = slack_server.client()
    got = browser.post_json("/api/auth", GUEST)
    assert got.json["ok"] is True
    assert got.json["session"]["guest"] is True
    assert browser.get("/api/session").json == got.json["session"]


def test_a_slack_user_logs_in_with_their_id(slack_server: InProcessServer) -> None:
    got = slack_server.client().post_json("/api/auth", ALICE)
    assert got.json["session"] == {
        "authenticated": True,
        "guest": False,
        "slackId": "U01ALICE",
        "slackName": "alice",
        "slackEnabled": True,
        "guestsAdmitted": True,
    }


@pytest.mark.parametrize("user", ["U99NOBODY", "U06GONE", "U07BOT", "USLACKBOT", "alice"])
def test_an_unknown_id_is_refused(slack_server: InProcessServer, user: str) -> None:
    """Nor is that of a bot, or of someone who has left."""
    got = slack_server.client().post_json("/api/auth", {"slackId": user})
    assert got.status == 400
    assert got.header("Set-Cookie") is None


def test_a_login_while_slack_is_down_can_be_retried(
    slack_server: InProcessServer, fake_slack: FakeSlack
) -> None:
    fake_slack.fail(error("internal_error"))
    got = slack_server.client().post_json("/api/auth", ALICE)
    assert got.status == 503
    assert got.header("Retry-After")


def test_the_cookie_has_the_port_in_its_name_and_is_hidden_from_scripts(
    slack_server: InProcessServer,
) -> None:
    cookie = slack_server.client().post_json("/api/auth", GUEST).header("Set-Cookie") or ""
    assert re.fullmatch(
        r"cldmon-sid-3000=[\w.-]+; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax", cookie
    )


def test_behind_a_tls_proxy_on_this_machine_the_cookie_is_secure(
    slack_server: InProcessServer,
) -> None:
    """Nor can another host of the same domain set a cookie with that name."""
    got = slack_server.ask("POST", "/api/auth", GUEST, {"X-Forwarded-Proto": "https"})
    assert re.fullmatch(r"__Host-cldmon-sid-3000=.*; Secure", got.header("Set-Cookie") or "")


def test_a_logout_kills_every_copy_of_the_cookie_also_after_a_restart(
    slack_server: InProcessServer,
) -> None:
    browser = slack_server.logged_in("U01ALICE")
    stolen = slack_server.client()
    stolen.cookie = browser.cookie
    assert browser.post_json("/api/logout").json == {"ok": True}
    assert stolen.get("/api/usage").status == 401
    slack_server.restart()
    assert stolen.get("/api/usage").status == 401


def test_a_logout_ends_no_other_session(slack_server: InProcessServer) -> None:
    here, there = slack_server.logged_in("U01ALICE"), slack_server.logged_in("U01ALICE")
    here.post_json("/api/logout")
    assert there.get("/api/usage").status == 200


def test_a_logout_waits_for_no_other_process_without_end(slack_server: InProcessServer) -> None:
    browser = slack_server.logged_in("U01ALICE")
    with files.lock(slack_server.data_dir / "revoked-sessions.lock", wait=0):
        assert browser.post_json("/api/logout").status == 503
    assert browser.get("/api/session").json["authenticated"]
    assert browser.post_json("/api/logout").status == 200


def test_a_logout_makes_the_browser_forget_its_cookie(slack_server: InProcessServer) -> None:
    got = slack_server.logged_in().post_json("/api/logout")
    assert "Max-Age=0" in (got.header("Set-Cookie") or "")


def test_a_session_survives_a_restart(slack_server: InProcessServer) -> None:
    browser = slack_server.logged_in("U01ALICE")
    slack_server.restart()
    assert browser.get("/api/session").json["slackId"] == "U01ALICE"


def test_a_cookie_is_valid_for_a_week(slack_server: InProcessServer, clock: Clock) -> None:
    cookie = {"Cookie": slack_server.logged_in().cookie}
    clock.tick(LIFETIME - timedelta(seconds=1))
    assert slack_server.ask("GET", "/api/usage", headers=cookie).status == 200
    clock.tick(timedelta(seconds=1))
    assert slack_server.ask("GET", "/api/usage", headers=cookie).status == 401


def test_an_altered_cookie_is_worth_nothing(slack_server: InProcessServer) -> None:
    browser = slack_server.logged_in("U01ALICE")
    payload, _, signature = browser.cookie.rpartition(".")
    for forged in (f"{payload}x.{signature}", f"{payload}.{signature[:-2]}xx", payload):
        browser.cookie = forged
        assert browser.get("/api/usage").status == 401


def test_a_slack_session_is_a_guests_once_slack_is_switched_off(
    slack_server: InProcessServer,
) -> None:
    browser = slack_server.logged_in("U01ALICE")
    slack_server.configure(slack=None)
    session = browser.get("/api/session").json
    assert (session["guest"], session["slackId"]) == (True, "")


def test_the_api_token_reads_and_has_no_session(server: InProcessServer) -> None:
    assert server.get("/api/usage").status == 200
    assert server.get("/api/session").json["authenticated"] is True
    logout = server.ask("POST", "/api/logout", headers={"Authorization": f"Bearer {API_TOKEN}"})
    assert logout.status == 403


@pytest.mark.parametrize("token", ["", "wrong", API_TOKEN + "x", "é" * 20])
def test_a_wrong_token_is_refused_even_with_a_session(server: InProcessServer, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}".encode().decode("latin-1")}
    got = server.ask("GET", "/api/session", headers=headers)
    assert (got.status, got.json) == (401, {"error": "Unauthorized"})
    assert got.header("WWW-Authenticate") == "Bearer"


def test_a_proxys_basic_auth_is_not_taken_for_a_token(server: InProcessServer) -> None:
    browser = server.logged_in()
    headers = {"Authorization": "Basic eDp5", "Cookie": browser.cookie}
    assert server.ask("GET", "/api/usage", headers=headers).status == 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"U1"', b'{"slackId":1}', b'{"slackId":["U1"]}', b"\xff", b"null"]
)
def test_a_login_that_is_not_understood_is_refused(
    slack_server: InProcessServer, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    assert slack_server.ask("POST", "/api/auth", body, headers).status == 400


def test_too_many_logins_from_one_address_are_slowed_down(
    server: InProcessServer, clock: Clock
) -> None:
    statuses = [server.client().post_json("/api/auth", GUEST).status for _ in range(61)]
    assert (statuses[59], statuses[60]) == (200, 429)
    clock.tick(timedelta(minutes=1))
    assert server.client().post_json("/api/auth", GUEST).status == 200


def test_too_many_logouts_from_one_address_are_slowed_down(
    server: InProcessServer, clock: Clock
) -> None:
    """Each is written to disk, and with Slack off anyone can get a session to end."""

    def log_out() -> int:
        browser = server.client()
        browser.get("/api/session")
        return browser.post_json("/api/logout").status

    statuses = [log_out() for _ in range(61)]
    assert (statuses[59], statuses[60]) == (200, 429)
    clock.tick(timedelta(minutes=1))
    assert log_out() == 200


class TestByCode:
    """With `login = "code"`, a login requires the message sent to the Slack user."""

    @staticmethod
    def code(slack: FakeSlack) -> str:
        match = re.search(r"\b\d{8}\b", slack.wait_for(1)[-1].text)
        assert match
        return match[0]

    @staticmethod
    def enter(browser: Client, code: str) -> int:
        return browser.post_json("/api/auth", {**ALICE, "code": code}).status

    def test_a_code_is_sent_and_logs_in_once(
        self, code_server: InProcessServer, fake_slack: FakeSlack
    ) -> None:
        browser = code_server.client()
        sent = browser.post_json("/api/auth", ALICE)
        assert (sent.status, sent.json) == (202, {"codeRequired": True})
        assert sent.header("Set-Cookie") is None
        assert fake_slack.sent[-1].user == "U01ALICE"
        code = self.code(fake_slack)
        got = browser.post_json("/api/auth", {**ALICE, "code": code})
        assert got.json["session"]["slackId"] == "U01ALICE"
        assert browser.get("/api/usage").status == 200
        assert self.enter(code_server.client(), code) == 401

    def test_a_code_is_void_after_a_restart(
        self, code_server: InProcessServer, fake_slack: FakeSlack
    ) -> None:
        browser = code_server.client()
        browser.post_json("/api/auth", ALICE)
        code_server.restart()
        assert self.enter(browser, self.code(fake_slack)) == 401

    def test_guessing_is_slowed_down_from_all_addresses(
        self, code_server: InProcessServer, clock: Clock
    ) -> None:
        """Five wrong codes from any address; the next code is sent a minute later."""

        def post_login(number: int, **more: str) -> Got:
            headers = {"X-Forwarded-For": f"192.0.2.{number}"}
            return code_server.ask("POST", "/api/auth", {**ALICE, **more}, headers)

        assert post_login(0).status == 202
        wrong = [post_login(n, code=f"{n:08}") for n in range(5)]
        assert [got.status for got in wrong] == [401] * 5
        assert [got.json["error"] for got in wrong] == [
            "wrong code: 4 tries are left",
            "wrong code: 3 tries are left",
            "wrong code: 2 tries are left",
            "wrong code: 1 try is left",
            "wrong code, and the last try: request a new one in 60 s",
        ]
        refused = post_login(6)
        assert (refused.status, refused.header("Retry-After")) == (429, "60")
        clock.tick(timedelta(minutes=1))
        assert post_login(7).status == 202

    def test_one_address_guesses_at_the_codes_of_few(
        self, code_server: InProcessServer, fake_slack: FakeSlack, clock: Clock
    ) -> None:
        fake_slack.users |= {f"U9{n}": SimUser(f"U9{n}", f"robot{n}") for n in range(5)}
        statuses = []
        for number in range(5):
            person = {"slackId": f"U9{number}"}
            assert code_server.client().post_json("/api/auth", person).status == 202
            for _ in range(5):
                body = {**person, "code": "x"}
                statuses.append(code_server.client().post_json("/api/auth", body).status)
        assert statuses == [401] * 20 + [429] * 5

    def test_the_user_is_warned_of_guesses_once_a_day(
        self, code_server: InProcessServer, fake_slack: FakeSlack, clock: Clock
    ) -> None:
        browser = code_server.client()
        for _ in range(2):
            browser.post_json("/api/auth", ALICE)
            assert [self.enter(browser, "x") for _ in range(5)] == [401] * 5
            clock.tick(timedelta(hours=1))
        codes_and_warnings = [message.text for message in fake_slack.wait_for(3)]
        [warning] = [text for text in codes_and_warnings if "wrong" in text]
        assert warning.startswith("5 wrong cldmon login codes were entered for you.")
        assert {message.user for message in fake_slack.sent} == {"U01ALICE"}
        assert len(fake_slack.sent) == 3

    def test_a_warning_that_cannot_be_sent_changes_nothing(
        self, code_server: InProcessServer, fake_slack: FakeSlack
    ) -> None:
        browser = code_server.client()
        browser.post_json("/api/auth", ALICE)
        for _ in range(4):
            self.enter(browser, "x")
        fake_slack.fail(error("internal_error"))
        assert self.enter(browser, "x") == 401
        assert any("warning of wrong login codes" in line for line in code_server.warnings)

    def test_codes_that_slack_does_not_take_are_not_counted(
        self, code_server: InProcessServer, fake_slack: FakeSlack
    ) -> None:
        browser = code_server.client()
        browser.get("/api/slack/users?q=alice")
        fake_slack.fail(error("not_authed"))
        assert [browser.post_json("/api/auth", ALICE).status for _ in range(6)] == [503] * 6
        fake_slack.heal()
        assert browser.post_json("/api/auth", ALICE).status == 202

    def test_strangers_learn_no_ids(self, code_server: InProcessServer) -> None:
        browser = code_server.client()
        [person] = browser.get("/api/slack/users?q=chlo").json["users"]
        assert person["name"] == "🦊 chloé"
        assert "U03CHLOE" not in str(person)
        assert browser.post_json("/api/auth", {"slackId": person["id"]}).status == 202

    def test_nor_by_trying_them(self, code_server: InProcessServer, fake_slack: FakeSlack) -> None:
        fake_slack.users["U7QWXZ90"] = SimUser("U7QWXZ90", "robot")
        for query in ("u7q", "U7QWXZ90", "u7qwxz9"):
            found = code_server.client().get(f"/api/slack/users?q={query}").json["users"]
            assert found == []

    @pytest.mark.parametrize("query", ["", "c", "ch", "%20ch%20", "c-h", "@ch", "%C3%A9h"])
    def test_strangers_learn_no_names_by_fewer_than_three_letters(
        self, code_server: InProcessServer, query: str
    ) -> None:
        got = code_server.client().get(f"/api/slack/users?q={query}")
        assert (got.status, got.json) == (200, {"users": []})

    def test_strangers_find_eight_at_most(
        self, code_server: InProcessServer, fake_slack: FakeSlack
    ) -> None:
        fake_slack.users |= {f"U9{n}": SimUser(f"U9{n}", f"robot{n}") for n in range(50)}
        found = code_server.client().get("/api/slack/users?q=robo").json["users"]
        assert len(found) == len({person["id"] for person in found}) == 8

    def test_strangers_search_seldom(self, code_server: InProcessServer, clock: Clock) -> None:
        def search(address: str) -> int:
            headers = {"X-Forwarded-For": address}
            return code_server.ask("GET", "/api/slack/users?q=ali", None, headers).status

        assert [search("192.0.2.1") for _ in range(201)] == [200] * 200 + [429]
        assert search("192.0.2.2") == 200
        clock.tick(timedelta(minutes=10))
        assert search("192.0.2.1") == 200

    def test_a_hash_logs_in_within_the_hour(
        self, code_server: InProcessServer, fake_slack: FakeSlack, clock: Clock
    ) -> None:
        browser = code_server.client()
        [person] = browser.get("/api/slack/users?q=alice").json["users"]
        clock.tick(timedelta(minutes=59))
        asked = browser.post_json("/api/auth", {"slackId": person["id"]})
        assert asked.status == 202
        body = {"slackId": person["id"], "code": self.code(fake_slack)}
        assert browser.post_json("/api/auth", body).json["session"]["slackId"] == "U01ALICE"
        clock.tick(timedelta(minutes=1))
        assert browser.post_json("/api/auth", {"slackId": person["id"]}).status == 400

    def test_guests_are_not_admitted(self, code_server: InProcessServer) -> None:
        browser = code_server.client()
        assert browser.post_json("/api/auth", GUEST).status == 403
        assert browser.get("/api/session").json["guestsAdmitted"] is False

    def test_a_session_from_before_codes_were_required_is_invalid(
        self, slack_server: InProcessServer
    ) -> None:
        """It may be anyone's: it was never proved by a code."""
        guest, alice = slack_server.logged_in(), slack_server.logged_in("U01ALICE")
        slack_server.configure(login="code")
        assert guest.get("/api/usage").status == alice.get("/api/usage").status == 401
