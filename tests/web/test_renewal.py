"""Sessions that are renewed while a page is open, and ends that no renewal undoes."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from cldmon.domain.instants import to_ms
from cldmon.domain.secret import Secret
from cldmon.web.revocations import LIFETIME, Revocations
from cldmon.web.sessions import MAX_LOGIN, RENEW_AFTER, Session, Sessions
from tests.fakes import Clock
from tests.simulation.faults import slow
from tests.simulation.slack import error
from tests.web.in_process import SCOPE

if TYPE_CHECKING:
    from tests.simulation.faults import Fault
    from tests.simulation.slack import FakeSlack
    from tests.web.in_process import Client, InProcessServer

ALICE = "U01ALICE"
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def read(server: InProcessServer, browser: Client) -> Session:
    session = server.services.sessions.read(browser.cookie, SCOPE)
    assert session
    return session


def is_renewed(browser: Client, path: str = "/api/usage") -> bool:
    """Return whether the response to a request sets a new cookie."""
    before = browser.cookie
    assert browser.get(path).status == 200
    return browser.cookie != before


def poll_daily(browser: Client, clock: Clock, days: int) -> int:
    """Poll once a day; return the day on which the session had ended, or 0."""
    for day in range(1, days + 1):
        clock.tick(DAY + SECOND)
        if browser.get("/api/usage").status == 401:
            return day
    return 0


class TestPageLeftOpen:
    """A page polls `GET /api/usage`, and knows nothing of renewals."""

    def test_a_guest_stays_logged_in(self, slack_server: InProcessServer, clock: Clock) -> None:
        assert poll_daily(slack_server.logged_in(), clock, days=100) == 0

    def test_a_person_stays_logged_in_for_thirty_days(
        self, slack_server: InProcessServer, clock: Clock
    ) -> None:
        browser = slack_server.logged_in(ALICE)
        assert poll_daily(browser, clock, days=60) == 30
        assert browser.get("/api/session").json["authenticated"] is False

    def test_a_person_who_leaves_slack_is_logged_out_within_a_week(
        self, slack_server: InProcessServer, clock: Clock, fake_slack: FakeSlack
    ) -> None:
        browser = slack_server.logged_in(ALICE)
        assert poll_daily(browser, clock, days=2) == 0
        del fake_slack.users[ALICE]
        assert poll_daily(browser, clock, days=20) == 7

    @pytest.mark.parametrize("slept", [0 * DAY, 40 * DAY])
    def test_with_slack_off_it_always_works(
        self, server: InProcessServer, clock: Clock, slept: timedelta
    ) -> None:
        browser = server.client()
        browser.get("/api/session")
        clock.tick(slept)
        assert poll_daily(browser, clock, days=40) == 0
        assert browser.get("/api/session").json["guest"] is True
        assert browser.get("/metrics").status == 200

    def test_nobody_else_stays_logged_in(self, slack_server: InProcessServer, clock: Clock) -> None:
        browser = slack_server.logged_in()
        clock.tick(6 * DAY)
        assert is_renewed(browser)
        clock.tick(LIFETIME)
        assert browser.get("/api/usage").status == 401


class TestRenewal:
    @pytest.mark.parametrize(
        "path", ["/api/session", "/api/usage", "/api/history", "/api/slack/users?q=a", "/metrics"]
    )
    def test_it_happens_once_a_day_under_the_same_id(
        self, slack_server: InProcessServer, clock: Clock, path: str
    ) -> None:
        browser = slack_server.logged_in(ALICE)
        first = read(slack_server, browser)
        clock.tick(RENEW_AFTER)
        assert not is_renewed(browser, path)
        clock.tick(SECOND)
        assert is_renewed(browser, path)
        assert not is_renewed(browser, path)
        second = read(slack_server, browser)
        assert (second.id, second.user, second.opened) == (first.id, ALICE, first.opened)
        assert second.expires == clock() + LIFETIME

    def test_the_last_one_ends_thirty_days_after_the_login(
        self, slack_server: InProcessServer, clock: Clock
    ) -> None:
        browser = slack_server.logged_in(ALICE)
        opened = clock()
        for _ in range(5):
            clock.tick(5 * DAY)
            got = browser.get("/api/usage")
        assert read(slack_server, browser).expires == opened + MAX_LOGIN
        assert "Max-Age=432000;" in (got.header("Set-Cookie") or "")  # five days
        clock.tick(DAY + SECOND)
        assert not is_renewed(browser)

    def test_it_comes_with_a_response_that_has_not_changed(
        self, slack_server: InProcessServer, clock: Clock
    ) -> None:
        browser = slack_server.logged_in()
        clock.tick(2 * DAY)
        headers = {"Cookie": browser.cookie, "If-None-Match": "*"}
        got = slack_server.ask("GET", "/api/usage", headers=headers)
        assert got.status == 304
        assert got.header("Set-Cookie")

    def test_a_login_and_a_logout_set_their_own_cookie(
        self, slack_server: InProcessServer, clock: Clock
    ) -> None:
        browser = slack_server.logged_in(ALICE)
        clock.tick(2 * DAY)
        for path, body in (("/api/auth", {"slackId": ""}), ("/api/logout", None)):
            got = browser.post_json(path, body)
            assert len([name for name, _ in got.headers if name == "Set-Cookie"]) == 1
        assert browser.cookie.endswith("=")

    def test_neither_the_page_nor_a_refused_request_renews(
        self, slack_server: InProcessServer, clock: Clock
    ) -> None:
        browser = slack_server.logged_in()
        clock.tick(2 * DAY)
        asked = [browser.get("/"), browser.post_json("/api/subscriptions", {}), browser.get("/no")]
        assert [got.status for got in asked] == [200, 403, 404]
        assert [got.header("Set-Cookie") for got in asked] == [None] * 3

    @pytest.mark.parametrize("fault", [error("internal_error"), slow(5)])
    def test_slack_has_no_part_in_the_response(
        self, slack_server: InProcessServer, clock: Clock, fake_slack: FakeSlack, fault: Fault
    ) -> None:
        """Without its list, the renewal waits until Slack is back."""
        browser = slack_server.logged_in(ALICE)
        (slack_server.data_dir / "slack-users.json").unlink()
        slack_server.use_slack(fake_slack)
        fake_slack.fail(fault)
        clock.tick(2 * DAY)
        assert not is_renewed(browser)
        fake_slack.heal()
        slack_server.use_slack(fake_slack)
        assert is_renewed(browser)

    def test_a_person_is_a_guest_while_slack_is_off_and_themselves_afterwards(
        self, slack_server: InProcessServer, clock: Clock
    ) -> None:
        browser = slack_server.logged_in(ALICE)
        slack = slack_server.services.settings.slack
        slack_server.configure(slack=None)
        clock.tick(2 * DAY)
        assert not is_renewed(browser)
        assert browser.get("/api/session").json["guest"] is True
        slack_server.configure(slack=slack)
        assert browser.get("/api/session").json["slackId"] == ALICE

    def test_a_session_that_a_code_has_not_proved_is_not_renewed(
        self, slack_server: InProcessServer, clock: Clock
    ) -> None:
        browser = slack_server.logged_in(ALICE)
        clock.tick(2 * DAY)
        slack_server.configure(login="code")
        assert browser.get("/api/session").header("Set-Cookie") is None


class TestLogout:
    def test_it_ends_every_cookie_of_the_session(
        self, slack_server: InProcessServer, clock: Clock
    ) -> None:
        """Also those from before a renewal, and after a restart."""
        browser = slack_server.logged_in(ALICE)
        cookies = [browser.cookie]
        for _ in range(3):
            clock.tick(2 * DAY)
            assert is_renewed(browser)
            cookies.append(browser.cookie)
        copy = slack_server.client()
        copy.cookie = cookies[1]
        assert copy.post_json("/api/logout").status == 200
        slack_server.restart()
        for day in range(8):
            for copy.cookie in cookies:
                assert copy.get("/metrics").status == 401, day
            clock.tick(DAY)

    @given(
        st.lists(
            st.tuples(
                st.timedeltas(timedelta(0), 4 * DAY),
                st.sampled_from(["renew", "end", "end another", "restart"]),
            ),
            max_size=12,
        ),
        st.sampled_from(["", ALICE]),
    )
    def test_no_cookie_of_an_ended_session_is_ever_valid_again(
        self, steps: list[tuple[timedelta, str]], user: str
    ) -> None:
        clock = Clock()
        with TemporaryDirectory() as folder:
            sessions = make_sessions(folder, clock)
            cookies = [sessions.set_cookie(sessions.open(user), SCOPE).partition(";")[0]]
            opened, ended = clock(), False
            for wait, act in steps:
                clock.tick(wait)
                valid = [found for each in cookies if (found := sessions.read(each, SCOPE))]
                assert not (valid and ended)
                assert not (valid and user and clock() >= opened + MAX_LOGIN)
                if act == "restart":
                    sessions = make_sessions(folder, clock)
                elif act == "end another":
                    sessions.end(sessions.open())  # which drops what need not be remembered
                elif valid and act == "end":
                    sessions.end(valid[0])
                    ended = True
                elif valid and (renewed := sessions.renew(valid[-1])):
                    assert valid[-1].expires < renewed.expires <= clock() + LIFETIME
                    cookies.append(sessions.set_cookie(renewed, SCOPE).partition(";")[0])

    def test_a_cookie_that_a_slow_request_sets_later_is_dead(
        self, tmp_path: Path, clock: Clock
    ) -> None:
        sessions = make_sessions(tmp_path, clock)
        session = sessions.open(ALICE)
        clock.tick(2 * DAY)
        sessions.end(session)
        clock.tick(timedelta(minutes=30))
        renewed = sessions.renew(session)
        assert renewed
        late = sessions.set_cookie(renewed, SCOPE).partition(";")[0]
        clock.tick(LIFETIME - SECOND)
        sessions.end(sessions.open())  # which drops what is forgotten
        assert sessions.read(late, SCOPE) is None


def test_a_cookie_of_an_older_version_is_valid_and_renewed(tmp_path: Path, clock: Clock) -> None:
    """It does not say when the person logged in: a week before it expires."""
    sessions, login = make_sessions(tmp_path, clock), clock()
    signer = URLSafeSerializer(
        "a-secret-that-nobody-guesses",
        salt=f"cldmon session {SCOPE.name}",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
    old = signer.dumps(["u1", ALICE, "Alice", True, to_ms(login + LIFETIME)])
    clock.tick(5 * DAY)
    session = sessions.read(f"{SCOPE.name}={old}", SCOPE)
    assert session
    assert (session.expires, session.opened) == (login + LIFETIME, login)
    renewed = sessions.renew(session)
    assert renewed
    assert renewed.expires == clock() + LIFETIME


def make_sessions(folder: str | Path, clock: Clock) -> Sessions:
    secret = Secret("a-secret-that-nobody-guesses")
    return Sessions(secret, Revocations(Path(folder), clock), clock)
