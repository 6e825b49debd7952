"""What each answer of Slack's means for the message: never lost, never twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.channels.slack.verdicts import (
    LONGEST_PAUSE,
    SECOND,
    ApiResponse,
    interpret_response,
    parse_pause,
)
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v), max_leaves=4
)


def judge(status: int, **data: object) -> DeliveryResult:
    return interpret_response(ApiResponse(status, {}, data), NOW)


def test_ok_is_delivered() -> None:
    assert judge(200, ok=True, ts="1.2") == DeliveryResult(DeliveryStatus.DELIVERED)


@pytest.mark.parametrize(
    "code",
    ["channel_not_found", "user_not_found", "user_disabled", "is_archived", "cannot_dm_bot"],
)
def test_a_person_who_is_out_of_reach_is_given_up_alone(code: str) -> None:
    result = judge(200, ok=False, error=code)
    assert (result.status, result.halt) == (DeliveryStatus.GONE, False)
    assert code in result.reason


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("not_authed", "put one where [notifications.slack] in the config says"),
        ("invalid_auth", "copy it again"),
        ("token_revoked", "reinstall the app and put the new token where [notifications.slack]"),
        ("token_expired", "token rotation switched off"),
        ("account_inactive", "reinstall the app and put the new token where [notifications.slack]"),
        ("not_allowed_token_type", "put the bot token (xoxb-) where"),
        ("no_permission", "add the scope chat:write"),
        ("messages_tab_disabled", "switch on the Messages tab"),
        ("missing_argument", "set team_id below [notifications.slack]"),
        ("ekm_access_denied", "administrators have suspended posting"),
    ],
)
def test_a_refused_token_halts_and_says_what_to_do(code: str, advice: str) -> None:
    result = judge(200, ok=False, error=code)
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)
    assert advice in result.reason
    assert code in result.reason


def test_a_missing_scope_is_named() -> None:
    result = judge(200, ok=False, error="missing_scope", needed="chat:write", provided="")
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)
    assert "lacks the scope chat:write: add it under OAuth & Permissions" in result.reason


@pytest.mark.parametrize("needed", [None, 7, "\x1b[31m", "x" * 1000])
def test_a_scope_that_is_none_is_not_repeated(needed: object) -> None:
    result = judge(200, ok=False, error="missing_scope", needed=needed)
    assert "lacks the scope that is missing: add it" in result.reason


@pytest.mark.parametrize("code", ["internal_error", "fatal_error"])
def test_trouble_inside_slack_may_have_delivered(code: str) -> None:
    """Slack's documentation: some aspect of the operation may have succeeded."""
    result = judge(200, ok=False, error=code)
    assert (result.status, result.halt) == (DeliveryStatus.UNSURE, True)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
@pytest.mark.parametrize("data", [{}, {"ok": False, "error": "invalid_auth"}, {"ok": True}])
def test_a_server_error_has_not_delivered(status: int, data: dict[str, object]) -> None:
    """An outage may last for many passes, and no message may be given up over it."""
    result = judge(status, **data)
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)
    assert str(status) in result.reason


def test_a_service_that_declares_itself_down_has_not_delivered() -> None:
    result = judge(200, ok=False, error="service_unavailable")
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)


def test_an_unknown_code_is_named_and_only_its_own_message_waits() -> None:
    result = judge(200, ok=False, error="invalid_blocks")
    assert result == DeliveryResult(
        DeliveryStatus.LATER, "Slack refused the request (invalid_blocks)"
    )


@pytest.mark.parametrize("status", [302, 307, 400, 403, 404, 407, 413])
def test_a_refusal_that_is_not_from_slack_has_not_delivered(status: int) -> None:
    result = judge(status)
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)
    assert f"HTTP {status}" in result.reason
    assert "check slack_url" in result.reason


@pytest.mark.parametrize(
    "data", [{}, {"ok": False}, {"ok": "yes"}, {"ok": False, "error": "<html> 42"}, {"error": 5}]
)
def test_an_answer_that_is_not_understood_may_have_delivered(data: dict[str, object]) -> None:
    result = judge(200, **data)
    assert (result.status, result.halt) == (DeliveryStatus.UNSURE, True)
    assert "42" not in result.reason


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (429, {}),
        (429, {"ok": False, "error": "ratelimited"}),
        (200, {"ok": False, "error": "ratelimited"}),
        (200, {"ok": False, "error": "rate_limited"}),
    ],
)
def test_a_rate_limit_halts_for_as_long_as_slack_asks(status: int, data: dict[str, object]) -> None:
    result = interpret_response(ApiResponse(status, {"retry-after": "30"}, data), NOW)
    assert (result.status, result.halt) == (DeliveryStatus.LATER, True)
    assert result.retry_after == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("0", 1),
        ("-3", 1),
        ("99999999999999999999", 3600),
        ("9" * 500, 3600),
        (None, 60),
        ("", 60),
        ("soon", 60),
        ("1.2.3", 60),
        ("nan", 60),
        ("Sun, 22 Nov 2026 12:00:20 GMT", 20),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 1),
        ("Sun, 22 Nov 2026 12:00:20 -0000", 20),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("Sun, 22 Nov 2026 25:61:99 GMT", 60),
    ],
)
def test_retry_after_is_always_bounded(header: str | None, seconds: float) -> None:
    assert parse_pause(header, NOW) == timedelta(seconds=seconds)


@given(st.text() | st.from_regex(r"[-+]?[0-9.]{0,400}"))
def test_no_retry_after_is_too_strange(header: str) -> None:
    assert SECOND <= parse_pause(header, NOW) <= LONGEST_PAUSE


@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["ok", "error", "needed"]) | st.text(), json_values),
)
def test_only_ok_true_is_ever_called_delivered(status: int, data: dict[str, object]) -> None:
    result = interpret_response(ApiResponse(status, {}, data), NOW)
    if result.status is DeliveryStatus.DELIVERED:
        assert status < 300
        assert data["ok"] is True
    else:
        assert result.reason
