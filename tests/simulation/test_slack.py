from __future__ import annotations

import json
import threading
from contextlib import closing
from datetime import UTC, datetime
from http.client import RemoteDisconnected
from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from cldmon.demo.slack import TOKEN, SentMessage, SimUser
from tests.simulation import faults
from tests.simulation.http_client import connect
from tests.simulation.slack import CHANNELS, PEOPLE, FakeSlack, error, rate_limited

if TYPE_CHECKING:
    from tests.simulation.faults import Fault

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*full*"}}


@pytest.fixture
def client(fake_slack: FakeSlack) -> WebClient:
    return client_of(fake_slack)


def client_of(slack: FakeSlack, token: str = TOKEN, timeout: int = 5) -> WebClient:
    return WebClient(token, base_url=slack.url, retry_handlers=[], timeout=timeout)


def refused(call: Any, *arguments: Any, **named: Any) -> Any:
    with pytest.raises(SlackApiError) as error:
        call(*arguments, **named)
    return error.value.response


def test_the_token_is_tested_and_its_scopes_are_named(client: WebClient) -> None:
    answer = client.auth_test()
    assert answer["team"] == "Simulated"
    assert answer.headers["X-OAuth-Scopes"] == "chat:write,users:read,channels:read,groups:read"


def test_a_wrong_token_is_invalid_and_none_is_not_authed(fake_slack: FakeSlack) -> None:
    assert refused(client_of(fake_slack, "xoxb-wrong").auth_test)["error"] == "invalid_auth"
    assert call_method(fake_slack, "auth.test", b"", {})["error"] == "not_authed"


def test_a_missing_scope_says_what_is_needed_and_what_was_given() -> None:
    with FakeSlack(scopes=("chat:write",)) as slack:
        answer = refused(client_of(slack).users_list)
    assert (answer["error"], answer["needed"], answer["provided"]) == (
        "missing_scope",
        "users:read",
        "chat:write",
    )


def test_members_can_be_read_with_either_of_the_channel_scopes() -> None:
    with FakeSlack(scopes=("groups:read",)) as slack:
        assert client_of(slack).conversations_members(channel="C01TEAM")["ok"]


def test_a_message_to_a_user_is_a_direct_message() -> None:
    with FakeSlack(clock=lambda: AT) as slack:
        answer = client_of(slack).chat_postMessage(
            channel="U01ALICE", text="*full*", blocks=[SECTION]
        )
        assert slack.sent == [SentMessage("U01ALICE", "*full*", (SECTION,), AT, "U01ALICE")]
    assert answer["channel"] == "D01ALICE"
    assert answer["ts"] == f"{int(AT.timestamp())}.000001"


def test_a_message_to_a_channel_has_no_single_reader(
    client: WebClient, fake_slack: FakeSlack
) -> None:
    client.chat_postMessage(channel="C01TEAM", text="hello")
    assert [(m.channel, m.user, m.blocks) for m in fake_slack.sent] == [("C01TEAM", None, ())]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"channel": "U99", "text": "hello"}, "channel_not_found"),
        ({"channel": "U06GONE", "text": "hello"}, "channel_not_found"),
        ({"channel": "01ALICE", "text": "hello"}, "channel_not_found"),
        ({"text": "hello"}, "channel_not_found"),
        ({"channel": "U07BOT", "text": "hello"}, "cannot_dm_bot"),
        ({"channel": "U01ALICE"}, "no_text"),
        ({"channel": "U01ALICE", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "U01ALICE", "text": "x", "blocks": [{"text": "no type"}]}, "invalid_blocks"),
        ({"channel": "U01ALICE", "text": "x", "blocks": [SECTION] * 51}, "invalid_blocks"),
        ({"channel": "U01ALICE", "text": "x", "blocks": "{"}, "invalid_blocks"),
        ({"channel": "U01ALICE", "text": "x", "blocks": {}}, None),
        ({"channel": "U01ALICE", "blocks": [SECTION]}, None),
    ],
)
def test_a_message_that_slack_would_refuse_is_refused(
    fake_slack: FakeSlack, message: dict[str, object], code: str | None
) -> None:
    answer = call_method(
        fake_slack,
        "chat.postMessage",
        json.dumps(message).encode(),
        {"Content-Type": "application/json;charset=utf-8"},
        TOKEN,
    )
    assert answer.get("error") == code
    assert len(fake_slack.sent) == (0 if code else 1)


def test_a_message_can_come_as_a_form(fake_slack: FakeSlack) -> None:
    body = b"channel=U01ALICE&text=50%25+%26+more&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert call_method(fake_slack, "chat.postMessage", body, form, TOKEN)["ok"]
    assert [(m.text, m.blocks) for m in fake_slack.sent] == [("50% & more", ({"type": "divider"},))]


def test_an_unknown_method_is_refused(client: WebClient) -> None:
    assert refused(client.api_call, "pins.list")["error"] == "unknown_method"


@pytest.mark.parametrize("limit", [1, 3, 8, 100])
def test_users_come_in_pages_of_the_given_size(client: WebClient, limit: int) -> None:
    pages = [page["members"] for page in client.users_list(limit=limit)]
    assert [user["id"] for page in pages for user in page] == [user.id for user in PEOPLE]
    assert all(len(page) == limit for page in pages[:-1])


def test_users_without_a_limit_still_come_in_pages() -> None:
    crowd = [SimUser(f"U{n:04}", f"user{n}") for n in range(250)]
    with FakeSlack(users=crowd) as slack:
        sizes = [len(page["members"]) for page in client_of(slack).users_list()]
    assert sizes == [100, 100, 50]


def test_a_foreign_cursor_is_refused(client: WebClient) -> None:
    assert refused(client.users_list, cursor="!")["error"] == "invalid_cursor"
    assert refused(client.users_list, cursor="bm9wZQ==")["error"] == "invalid_cursor"


def test_the_list_holds_bots_deleted_users_guests_and_names_with_markup(client: WebClient) -> None:
    users = {user["name"]: user for user in client.users_list()["members"]}
    assert users["deploybot"]["is_bot"]
    assert users["gone"]["deleted"]
    assert users["gus"]["is_restricted"]
    assert users["bob"]["profile"]["real_name"] == "Bob <b>Builder</b> & Sons"
    assert users["bob"]["profile"]["display_name"] == 'Bob "the builder"'
    assert users["chloe"]["profile"]["display_name"] == "🦊 chloé"
    assert users["slackbot"]["id"] == "USLACKBOT"
    assert not users["slackbot"]["is_bot"]


def test_members_of_a_channel_come_in_pages(client: WebClient) -> None:
    pages = [page["members"] for page in client.conversations_members(channel="C01TEAM", limit=3)]
    assert pages == [list(CHANNELS["C01TEAM"][:3]), list(CHANNELS["C01TEAM"][3:])]
    assert refused(client.conversations_members, channel="C9")["error"] == "channel_not_found"


def test_a_test_can_wait_for_messages_from_elsewhere(
    client: WebClient, fake_slack: FakeSlack
) -> None:
    sender = threading.Timer(
        0.02, client.chat_postMessage, kwargs={"channel": "C01TEAM", "text": "x"}
    )
    sender.start()
    assert [message.text for message in fake_slack.wait_for(1)] == ["x"]
    sender.join()
    assert len(fake_slack.wait_for(2, timeout=0.01)) == 1


def test_clearing_forgets_messages_and_requests(client: WebClient, fake_slack: FakeSlack) -> None:
    client.chat_postMessage(channel="C01TEAM", text="x")
    fake_slack.clear()
    assert (fake_slack.sent, fake_slack.requests) == ([], [])


@pytest.mark.parametrize("wait", [0, 30, None])
def test_a_rate_limit_refuses_the_call_and_may_name_a_wait(
    client: WebClient, fake_slack: FakeSlack, wait: int | None
) -> None:
    fake_slack.fail(rate_limited(wait), times=1)
    answer = refused(client.chat_postMessage, channel="C01TEAM", text="x")
    assert (answer.status_code, answer["error"]) == (429, "ratelimited")
    assert answer.headers.get("Retry-After") == (None if wait is None else str(wait))
    assert fake_slack.sent == []
    assert client.chat_postMessage(channel="C01TEAM", text="x")["ok"]


def test_a_rate_limit_can_name_an_http_date(client: WebClient, fake_slack: FakeSlack) -> None:
    fake_slack.fail(rate_limited(AT))
    answer = refused(client.auth_test)
    assert answer.headers["Retry-After"] == "Sun, 22 Nov 2026 12:00:00 GMT"


def test_any_error_code_can_be_answered_for_one_method(
    client: WebClient, fake_slack: FakeSlack
) -> None:
    fake_slack.fail(error("account_inactive", detail="x").on("users.list"))
    answer = refused(client.users_list)
    assert (answer.status_code, answer["error"], answer["detail"]) == (
        200,
        "account_inactive",
        "x",
    )
    assert client.auth_test()["ok"]
    fake_slack.heal()
    assert client.users_list()["ok"]


@pytest.mark.parametrize("fault", [faults.status(500), faults.html(503)], ids=lambda f: f.name)
def test_a_service_down_carries_nothing_out(
    client: WebClient, fake_slack: FakeSlack, fault: Fault
) -> None:
    fake_slack.fail(fault)
    answer = refused(client.chat_postMessage, channel="C01TEAM", text="x")
    assert answer.status_code >= 500
    assert fake_slack.sent == []


def test_an_answer_that_is_not_json_is_not_understood(
    client: WebClient, fake_slack: FakeSlack
) -> None:
    fake_slack.fail(faults.html())
    assert "non-JSON" in str(refused(client.auth_test)["error"])


def test_a_reset_before_the_work_sends_nothing(client: WebClient, fake_slack: FakeSlack) -> None:
    fake_slack.fail(faults.hang_up(reset=True))
    with pytest.raises(ConnectionResetError):
        client.chat_postMessage(channel="C01TEAM", text="x")
    assert fake_slack.sent == []


@pytest.mark.parametrize(
    ("reset", "error"), [(True, ConnectionResetError), (False, RemoteDisconnected)]
)
def test_an_answer_lost_after_the_work_leaves_the_message_sent(
    client: WebClient, fake_slack: FakeSlack, reset: bool, error: type[Exception]
) -> None:
    fake_slack.fail(faults.answer_lost(reset=reset))
    with pytest.raises(error):
        client.chat_postMessage(channel="C01TEAM", text="x")
    assert [message.text for message in fake_slack.sent] == ["x"]


def test_a_hang_sends_nothing_and_ends_with_the_server() -> None:
    before = set(threading.enumerate())
    with FakeSlack() as slack:
        slack.fail(faults.hang(3600))
        with pytest.raises(TimeoutError):
            client_of(slack, timeout=1).chat_postMessage(channel="C01TEAM", text="x")
        assert slack.sent == []
    assert set(threading.enumerate()) == before


def call_method(
    slack: FakeSlack, method: str, body: bytes, headers: dict[str, str], token: str | None = None
) -> Any:
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    with closing(connect(slack.url)) as connection:
        connection.request("POST", f"/api/{method}", body, {**headers, **bearer})
        return json.loads(connection.getresponse().read())
