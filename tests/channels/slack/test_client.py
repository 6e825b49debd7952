"""The messenger against a simulated Slack on a real socket: every failure, and no token told."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from cldmon.channels.slack.client import MAX_PAGES, Identity, SlackChannel, SlackMessenger
from cldmon.channels.slack.messages import build_alert, build_login_code
from cldmon.demo.slack import SimUser
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.events import Event, EventKind
from cldmon.domain.secret import Secret
from cldmon.errors import SlackError
from tests.simulation import faults
from tests.simulation.slack import PEOPLE, FakeSlack, error, rate_limited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.faults import Fault

TOKEN = "xoxb-815-very-secret"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HIT = Event(EventKind.LIMIT_HIT, "R&D <!channel>", "fiveHour", NOW, None)
MESSAGE = build_alert([HIT], NOW)
BOB = "U02BOB"

REFUSED = [
    error("invalid_auth"),
    error("token_revoked"),
    error("missing_scope", needed="chat:write"),
    error("service_unavailable"),
    rate_limited(30),
    faults.status(500),
    faults.status(503),
    faults.status(504),
    faults.html(502),
    faults.html(503),
    faults.status(404),
    faults.html(403),
    faults.redirect("https://127.0.0.1:1/api/"),
]
"""Surely not delivered, and the next message would meet the same fate."""

AMBIGUOUS = [
    error("internal_error"),
    error("fatal_error"),
    faults.html(),
    faults.empty(),
    faults.body("[1]"),
    faults.body("null"),
    faults.body("5"),
    faults.body("[" * 100_000),
    faults.body("{}", "application/json; charset=nonsense"),
    faults.invalid_utf8(),
    faults.huge(),
    faults.truncated(),
    faults.hang_up(),
    faults.hang_up(reset=True),
    faults.raw([b"SSH-2.0-Other\r\n"]),
    faults.answer_lost(),
    faults.answer_lost(reset=False),
]
"""Slack may have taken the message."""

ENDLESS = [faults.drip(), faults.hang(3), faults.slow_head()]
"""It may have taken it, and its answer does not end in time."""


def messenger(
    slack: FakeSlack, naps: list[float] | None = None, timeout: float = 1
) -> SlackMessenger:
    nap = [] if naps is None else naps
    return SlackMessenger(
        Secret(slack.token), slack.url, timeout=timeout, sleep=nap.append, clock=lambda: NOW
    )


def timeout_for(fault: Fault | None) -> float:
    """Return a short time if the answer does not end, else one that a busy machine keeps."""
    return 0.3 if fault in ENDLESS else 1


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack(token=TOKEN) as slack:
        yield slack


def test_an_alert_reaches_its_reader(slack: FakeSlack) -> None:
    assert messenger(slack).send(BOB, MESSAGE) == DeliveryResult(DeliveryStatus.DELIVERED)
    [sent] = slack.sent
    assert (sent.user, sent.text, sent.blocks) == (BOB, MESSAGE.text, MESSAGE.blocks)


def test_a_confirmation_reaches_its_reader(slack: FakeSlack) -> None:
    assert messenger(slack).confirm(BOB, "You get alerts.").status == "delivered"
    assert slack.sent[0].text == "You get alerts."


def test_any_message_can_be_sent(slack: FakeSlack) -> None:
    assert (
        messenger(slack).send(BOB, build_login_code("123456", 10)).status
        is DeliveryStatus.DELIVERED
    )


def test_chat_write_is_all_that_sending_needs() -> None:
    with FakeSlack(scopes=["chat:write"]) as slack:
        assert messenger(slack).send(BOB, MESSAGE).status is DeliveryStatus.DELIVERED


def test_slack_is_asked_to_read_no_markup_into_the_fallback(slack: FakeSlack) -> None:
    messenger(slack).send(BOB, MESSAGE)
    body = json.loads(slack.requests[0].body)
    assert (body["mrkdwn"], body["parse"], body["link_names"]) == (False, "none", False)
    assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)


@pytest.mark.parametrize("fault", REFUSED, ids=lambda fault: fault.name)
def test_what_slack_refused_waits_and_nothing_else_is_tried(slack: FakeSlack, fault: Fault) -> None:
    slack.fail(fault)
    result = messenger(slack).send(BOB, MESSAGE)
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)
    assert result.reason
    assert len(slack.requests) == 1


@pytest.mark.parametrize("fault", [*AMBIGUOUS, *ENDLESS], ids=lambda fault: fault.name)
def test_an_answer_that_got_lost_is_reported_as_such_and_nothing_is_posted_twice(
    slack: FakeSlack, fault: Fault
) -> None:
    slack.fail(fault)
    asked = messenger(slack, timeout=timeout_for(fault))
    result = asked.send(BOB, MESSAGE)
    assert (result.status, result.halt) == (DeliveryStatus.UNSURE, True)
    assert result.reason
    assert len(slack.requests) == 1


def test_a_huge_answer_is_not_read_to_its_end(slack: FakeSlack) -> None:
    slack.fail(faults.huge())
    reason = "Slack's answer could not be read (ValueError)"
    asked = messenger(slack, timeout=60)  # a busy machine takes its time over 16 MB
    assert asked.send(BOB, MESSAGE) == DeliveryResult(DeliveryStatus.UNSURE, reason, halt=True)


def test_a_closed_port_means_later() -> None:
    with FakeSlack() as slack:
        closed = messenger(slack)
    result = closed.send(BOB, MESSAGE)
    reason = "Slack can't be reached: Connection refused"
    assert result == DeliveryResult(DeliveryStatus.LATER, reason, halt=True)


def test_an_unknown_host_means_later() -> None:
    result = SlackMessenger(Secret(TOKEN), "https://slack.invalid/api/").send(BOB, MESSAGE)
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)
    assert result.reason.startswith("Slack can't be reached: ")


def test_a_failed_tls_handshake_means_later(slack: FakeSlack) -> None:
    """The other side speaks plain HTTP: nothing of the message was sent."""
    url = slack.url.replace("http://", "https://")
    result = SlackMessenger(Secret(TOKEN), url, timeout=1).send(BOB, MESSAGE)
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)
    assert result.reason.startswith("Slack can't be reached: ")


def test_an_unknown_code_makes_only_its_own_message_wait(slack: FakeSlack) -> None:
    slack.fail(error("invalid_blocks"))
    result = messenger(slack).send(BOB, MESSAGE)
    assert result == DeliveryResult(
        DeliveryStatus.LATER, "Slack refused the request (invalid_blocks)"
    )


@pytest.mark.parametrize("user", ["U06GONE", "U99NOBODY"])
def test_a_person_who_left_is_gone(slack: FakeSlack, user: str) -> None:
    result = messenger(slack).send(user, MESSAGE)
    assert (result.status, result.halt) == (DeliveryStatus.GONE, False)
    assert result.reason == f"{user} is not known in this Slack workspace (channel_not_found)"


def test_a_bot_is_no_reader(slack: FakeSlack) -> None:
    assert messenger(slack).send("U07BOT", MESSAGE).reason == "U07BOT is a bot (cannot_dm_bot)"


@pytest.mark.parametrize("user", ["C01TEAM", "#general", "", "U02BOB\n", "@bob", "D02BOB"])
def test_only_a_person_is_ever_written_to(slack: FakeSlack, user: str) -> None:
    """An alert is a direct message: a channel's name among the subscribers posts nothing."""
    result = messenger(slack).send(user, MESSAGE)
    assert (result.status, result.halt) == (DeliveryStatus.GONE, False)
    assert slack.requests == []


@pytest.mark.parametrize(("header", "nap"), [(1, 1), (5, 5), (0, 1), (-7, 1)])
def test_a_short_rate_limit_is_waited_out(slack: FakeSlack, header: int, nap: float) -> None:
    naps: list[float] = []
    slack.fail(rate_limited(header), times=1)
    assert messenger(slack, naps).send(BOB, MESSAGE) == DeliveryResult(DeliveryStatus.DELIVERED)
    assert (naps, len(slack.sent)) == ([nap], 1)


def test_a_rate_limit_is_waited_out_once(slack: FakeSlack) -> None:
    naps: list[float] = []
    slack.fail(rate_limited(2))
    result = messenger(slack, naps).send(BOB, MESSAGE)
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)
    assert result.retry_after == timedelta(seconds=2)
    assert (naps, len(slack.requests)) == ([2], 2)


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        (6, timedelta(seconds=6)),
        (None, timedelta(minutes=1)),
        ("soon", timedelta(minutes=1)),
        (10**30, timedelta(hours=1)),
        (NOW + timedelta(seconds=90), timedelta(seconds=90)),
    ],
)
def test_a_longer_rate_limit_is_left_to_the_next_pass(
    slack: FakeSlack, header: int | str | datetime | None, pause: timedelta
) -> None:
    naps: list[float] = []
    slack.fail(rate_limited(header))
    result = messenger(slack, naps).send(BOB, MESSAGE)
    assert (result.status, result.halt, result.retry_after) == (DeliveryStatus.LATER, True, pause)
    assert (naps, len(slack.requests)) == ([], 1)


def test_the_token_does_not_follow_a_redirect(slack: FakeSlack) -> None:
    with FakeSlack() as elsewhere:
        slack.fail(faults.redirect(f"{elsewhere.url}chat.postMessage"))
        result = messenger(slack).send(BOB, MESSAGE)
        assert elsewhere.requests == []
    assert result.status is DeliveryStatus.LATER


def test_other_requests_are_left_to_urllib(slack: FakeSlack) -> None:
    """Even to the address of Slack: another server may have its port by now."""
    messenger(slack).send(BOB, MESSAGE)
    with urlopen(f"{slack.url}auth.test") as response:  # noqa: S310
        assert isinstance(response, HTTPResponse)


def test_loopback_is_never_asked_through_a_proxy(
    slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert messenger(slack).send(BOB, MESSAGE).status is DeliveryStatus.DELIVERED


def test_a_proxy_is_used_for_other_hosts(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation stands in for the proxy, which is asked for the whole address."""
    monkeypatch.setenv("http_proxy", slack.url.removesuffix("/api/"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    result = SlackMessenger(Secret(TOKEN), "http://slack.invalid/api/", timeout=1).send(
        BOB, MESSAGE
    )
    assert result.status is DeliveryStatus.DELIVERED


def test_no_proxy_is_respected(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", slack.url.removesuffix("/api/"))
    monkeypatch.setenv("no_proxy", "slack.invalid")
    result = SlackMessenger(Secret(TOKEN), "http://slack.invalid/api/", timeout=1).send(
        BOB, MESSAGE
    )
    assert result.reason.startswith("Slack can't be reached")
    assert slack.requests == []


@pytest.mark.parametrize("token", ["", "xoxb-two\nlines", "xoxb-pässword", "xoxb with blanks"])
def test_a_malformed_token_is_never_sent(slack: FakeSlack, token: str) -> None:
    result = SlackMessenger(Secret(token), slack.url).send(BOB, MESSAGE)
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)
    assert "copy it again where [notifications.slack] in the config says" in result.reason
    assert slack.requests == []


ECHOES = [
    error(TOKEN),
    error("missing_scope", needed=TOKEN),
    faults.status(400, {"ok": False, "error": f"bad token {TOKEN}"}),
    faults.html(body=f"<p>{TOKEN}</p>"),
    faults.redirect(f"http://127.0.0.1:1/{TOKEN}"),
]


@pytest.mark.parametrize(
    "fault",
    [*REFUSED, *AMBIGUOUS, *ENDLESS, *ECHOES, None],
    ids=lambda fault: fault.name if fault else "ok",
)
def test_the_token_is_never_disclosed_and_nothing_is_logged(
    slack: FakeSlack,
    fault: Fault | None,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if fault:
        slack.fail(fault)
    subject = messenger(slack, timeout=timeout_for(fault))
    with caplog.at_level(logging.DEBUG):
        told = [repr(subject.send(BOB, MESSAGE)), repr(subject)]
        try:
            told.append(repr(subject.auth_test()))
        except SlackError as problem:
            told += [str(problem), repr(problem)]
    output = capfd.readouterr()
    assert TOKEN not in "".join(told)
    assert (caplog.records, output.out, output.err) == ([], "", "")


def test_auth_test_tells_team_bot_and_scopes(slack: FakeSlack) -> None:
    scopes = frozenset({"chat:write", "users:read", "channels:read", "groups:read"})
    assert messenger(slack).auth_test() == Identity("Simulated", "cldmon", scopes)


def test_auth_test_raises_what_is_wrong_with_the_token(slack: FakeSlack) -> None:
    stranger = SlackMessenger(Secret("xoxb-wrong"), slack.url)
    with pytest.raises(SlackError, match="Slack does not accept the token: copy it again"):
        stranger.auth_test()


def test_a_rate_limited_reader_learns_when_to_retry(slack: FakeSlack) -> None:
    slack.fail(rate_limited(90))
    with pytest.raises(SlackError, match=r"rate limiting the app: try again in 90 s"):
        messenger(slack).auth_test()


def test_users_come_in_pages_that_are_followed_to_the_end() -> None:
    crowd = [SimUser(f"U{n:04}", f"user{n}") for n in range(450)]
    with FakeSlack(users=crowd) as slack:
        pages = list(messenger(slack).users())
    assert [len(page) for page in pages] == [200, 200, 50]
    assert [user["id"] for page in pages for user in page] == [user.id for user in crowd]


def test_members_are_those_of_the_channel(slack: FakeSlack) -> None:
    assert list(messenger(slack).members("C01TEAM")) == [list(slack.channels["C01TEAM"])]


def test_a_rate_limit_between_pages_is_waited_out(slack: FakeSlack) -> None:
    """Slack allows some twenty pages a minute: a large workspace always meets it."""
    naps: list[float] = []
    slack.fail(rate_limited(25), times=1)
    [page] = messenger(slack, naps).users()
    assert (len(page), naps) == (len(PEOPLE), [25])


def test_an_unknown_channel_says_which_setting_to_check(slack: FakeSlack) -> None:
    with pytest.raises(SlackError, match=r"member_channel_id: .* invite the app if it is private"):
        list(messenger(slack).members("C99"))


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("channel_not_found", "is not known to the Slack app: check its id, and invite the app if"),
        ("is_archived", "is archived: restore it, or name another in the config"),
    ],
)
def test_posts_wait_for_a_channel_that_cannot_be_posted_to(
    slack: FakeSlack, code: str, advice: str
) -> None:
    slack.fail(error(code))
    result = messenger(slack).post_message("C01TEAM", MESSAGE)
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)
    assert result.reason.startswith(f"the Slack channel C01TEAM {advice}")
    slack.heal()
    slack.fail(error("not_in_channel"))
    result = messenger(slack).post_message("C01TEAM", MESSAGE)
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)
    assert result.reason == "the Slack app is not in the channel: invite it (not_in_channel)"


def test_a_channel_is_seen_with_name_and_membership(slack: FakeSlack) -> None:
    assert messenger(slack).channel("C01TEAM") == SlackChannel("team", True, False)
    with pytest.raises(SlackError, match=r"the Slack channel C99 is not known to the Slack app"):
        messenger(slack).channel("C99")


def test_lists_of_people_are_those_of_the_workspace_that_is_set(slack: FakeSlack) -> None:
    """Slack demands it of an app that is installed for a whole organization."""
    one = SlackMessenger(Secret(TOKEN), slack.url, team_id="T1")
    [*one.users(), *one.members("C01TEAM"), *messenger(slack).users()]
    sent = [f"{request.query} {request.body!r}" for request in slack.requests]
    assert ["team_id=T1" in each for each in sent] == [True, True, False]
    assert one.fingerprint != messenger(slack).fingerprint


@pytest.mark.parametrize("body", ['{"ok": true}', '{"ok": true, "members": {}}'])
def test_a_list_without_people_is_not_taken_for_an_empty_workspace(
    slack: FakeSlack, body: str
) -> None:
    slack.fail(faults.body(body))
    with pytest.raises(SlackError, match="list of people is not understood"):
        list(messenger(slack).users())


def test_foreign_values_among_the_people_are_passed_over(slack: FakeSlack) -> None:
    slack.fail(faults.body('{"ok": true, "members": [1, null, {"id": "U1"}, "U2"]}'))
    assert list(messenger(slack).users()) == [[{"id": "U1"}]]
    assert list(messenger(slack).members("C01TEAM")) == [["U2"]]


@pytest.mark.parametrize("metadata", ["null", "[]", '{"next_cursor": 5}', '{"next_cursor": ""}'])
def test_a_strange_cursor_ends_the_list(slack: FakeSlack, metadata: str) -> None:
    slack.fail(faults.body(f'{{"ok": true, "members": [], "response_metadata": {metadata}}}'))
    assert list(messenger(slack).users()) == [[]]


def test_cursors_that_go_round_in_circles_come_to_an_end(slack: FakeSlack) -> None:
    endless = '{"ok": true, "members": [], "response_metadata": {"next_cursor": "again"}}'
    slack.fail(faults.body(endless))
    with pytest.raises(SlackError, match="does not end"):
        list(messenger(slack).users())
    assert len(slack.requests) == MAX_PAGES


def test_slack_sdk_is_not_loaded_before_something_is_sent() -> None:
    code = """
import sys, cldmon.channels.slack.client, cldmon.channels.slack.directory
from cldmon.domain.secret import Secret
cldmon.channels.slack.client.SlackMessenger(Secret("xoxb"), "https://slack.invalid/api/")
print({"slack_sdk", "http.client", "urllib.request", "ssl"} & set(sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
