"""An HTTP answer is JSON to read, or a failure in words that a person can act on."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.claude.errors import (
    MAX_BODY_BYTES,
    AccountError,
    HttpResponse,
    parse_response,
)
from cldmon.domain.model import Failure, FailureKind
from tests.fakes import NOON
from tests.strategies import JSON

HTML = {"content-type": "text/html; charset=UTF-8"}
DAY = timedelta(days=1)
STALE = json.dumps({"error": {"message": "Invalid authorization for organization"}}).encode()
STALE_WITH_CODE = json.dumps(
    {
        "error": {
            "message": "Invalid authorization for organization",
            "details": {"error_code": "oauth_not_allowed"},
        }
    }
).encode()
BANNED = json.dumps(
    {"error": {"type": "permission_error", "message": "Your account has been disabled."}}
).encode()
BAD_UUID = json.dumps(
    {"error": {"type": "invalid_request_error", "message": "uuid: not a valid UUID"}}
).encode()
REGION = b"<!doctype html><title>Claude</title><h1>App unavailable in region</h1>"
JSD = b"<html><title>Access denied</title><script src=/cdn-cgi/challenge-platform/scripts/jsd/x.js>"
DEAD = json.dumps(
    {
        "type": "error",
        "error": {"type": "permission_error", "details": {"error_code": "account_session_invalid"}},
    }
).encode()


def outcome_of(answer: HttpResponse) -> Failure | None:
    try:
        parse_response(answer, now=NOON)
    except AccountError as outcome:
        return outcome.failure
    return None


def failure(answer: HttpResponse) -> Failure:
    with pytest.raises(AccountError) as caught:
        parse_response(answer, now=NOON)
    return caught.value.failure


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (HttpResponse(401, b"{}"), FailureKind.KEY_EXPIRED),
        (HttpResponse(403, DEAD), FailureKind.KEY_EXPIRED),
        (HttpResponse(403, STALE), FailureKind.WRONG_ORGANIZATION),
        (HttpResponse(403, STALE_WITH_CODE), FailureKind.REFUSED),
        (HttpResponse(403, b"{}"), FailureKind.REFUSED),
        (HttpResponse(403, b""), FailureKind.REFUSED),
        (HttpResponse(403, BANNED), FailureKind.REFUSED),
        (HttpResponse(402, b"{}"), FailureKind.REFUSED),
        (HttpResponse(451, b"<html>", HTML), FailureKind.REFUSED),
        (HttpResponse(403, b"<html>", HTML), FailureKind.REFUSED),
        (HttpResponse(403, REGION, HTML), FailureKind.REFUSED),
        (HttpResponse(200, REGION, HTML), FailureKind.REFUSED),
        (
            HttpResponse(200, b"", redirected_to="https://claude.ai/app-unavailable-in-region"),
            FailureKind.REFUSED,
        ),
        (HttpResponse(403, b"<html>Just a moment...", HTML), FailureKind.CHALLENGED),
        (
            HttpResponse(403, b"<html>/cdn-cgi/challenge-platform/h/g/x", HTML),
            FailureKind.CHALLENGED,
        ),
        (HttpResponse(403, b"<!DOCTYPE html>Just a moment..."), FailureKind.CHALLENGED),
        (HttpResponse(403, JSD, HTML), FailureKind.REFUSED),
        (HttpResponse(503, b"<html>Just a moment...", HTML), FailureKind.CHALLENGED),
        (HttpResponse(503, JSD, HTML), FailureKind.SERVICE_DOWN),
        (HttpResponse(200, b"<html>Just a moment...", HTML), FailureKind.SERVICE_DOWN),
        (HttpResponse(403, DEAD, {"cf-mitigated": "challenge"}), FailureKind.CHALLENGED),
        (HttpResponse(200, b"{}", {"cf-mitigated": "challenge"}), FailureKind.CHALLENGED),
        (HttpResponse(403, DEAD, {"cf-mitigated": "other"}), FailureKind.KEY_EXPIRED),
        (HttpResponse(400, BAD_UUID), FailureKind.WRONG_ORGANIZATION),
        (HttpResponse(400, b"{}"), FailureKind.NOT_UNDERSTOOD),
        (HttpResponse(503, b"<html>sorry", HTML), FailureKind.SERVICE_DOWN),
        (HttpResponse(404, b"{}"), FailureKind.WRONG_ORGANIZATION),
        (HttpResponse(429, b"{}"), FailureKind.RATE_LIMITED),
        (HttpResponse(500, b"{}"), FailureKind.SERVICE_DOWN),
        (HttpResponse(529, b"{}"), FailureKind.SERVICE_DOWN),
        (HttpResponse(418, b"{}"), FailureKind.NOT_UNDERSTOOD),
        (HttpResponse(204, b""), FailureKind.NOT_UNDERSTOOD),
        (HttpResponse(200, b""), FailureKind.SERVICE_DOWN),
        (HttpResponse(200, b"<html>hello", HTML), FailureKind.SERVICE_DOWN),
        (HttpResponse(200, b"{} trailing"), FailureKind.SERVICE_DOWN),
        (HttpResponse(200, b"[NaN]"), FailureKind.SERVICE_DOWN),
        (HttpResponse(200, b"[-Infinity]"), FailureKind.SERVICE_DOWN),
        (HttpResponse(200, b"[" * 100_000), FailureKind.SERVICE_DOWN),
        (HttpResponse(200, b"[]".ljust(MAX_BODY_BYTES + 1)), FailureKind.NOT_UNDERSTOOD),
        (
            HttpResponse(200, b"{}", redirected_to="https://claude.ai/login?x"),
            FailureKind.KEY_EXPIRED,
        ),
        (HttpResponse(200, b"{}", redirected_to="https://elsewhere/"), FailureKind.NOT_UNDERSTOOD),
    ],
)
def test_each_response_is_classified(answer: HttpResponse, kind: FailureKind) -> None:
    assert failure(answer).kind is kind


def test_a_good_answer_is_its_json() -> None:
    assert parse_response(HttpResponse(200, b'{"a": [1, "\xc3\xa9"]}'), now=NOON) == {"a": [1, "é"]}


def test_a_number_of_thousands_of_digits_spoils_no_answer() -> None:
    """Which part of the answer it is, the parser of that part decides."""
    body = b'{"a": ' + b"9" * 5_000 + b', "b": [-' + b"1" * 5_000 + b", 5, 1e999]}"
    found = parse_response(HttpResponse(200, body), now=NOON)
    assert found == {"a": math.inf, "b": [-math.inf, 5, math.inf]}


@settings(max_examples=60)
@given(
    st.builds(
        HttpResponse,
        status=st.sampled_from([200, 401, 403, 404, 429, 500, 503]) | st.integers(100, 599),
        body=st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
        headers=st.fixed_dictionaries(
            {},
            optional={
                "content-type": st.text() | st.just("text/html"),
                "retry-after": st.text() | st.integers().map(str) | st.floats().map(str),
                "cf-mitigated": st.text(),
            },
        ),
        redirected_to=st.none() | st.text(),
    )
)
def test_any_answer_at_all_is_json_or_a_failure_in_words(answer: HttpResponse) -> None:
    outcome = outcome_of(answer)
    if outcome is not None:
        assert outcome.message
        assert outcome.message.isprintable()
        assert outcome.retry_at is None or NOON <= outcome.retry_at <= NOON + DAY


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            HttpResponse(403, BANNED),
            'address: check claude.ai in a browser (HTTP 403: "Your',
        ),
        (HttpResponse(402, b'{"error": "Pay the bill"}'), '(HTTP 402: "Pay the bill")'),
        (HttpResponse(402, b'{"message": "Pay the bill"}'), '(HTTP 402: "Pay the bill")'),
        (HttpResponse(402, b'{"error": {"message": 5}}'), "browser (HTTP 402)"),
        (HttpResponse(403, b'["x"]'), "browser (HTTP 403)"),
        (HttpResponse(400, BAD_UUID), '(HTTP 400: "uuid: not a valid UUID")'),
        (HttpResponse(403, b"<html><title>Sorry &amp; bye</title>", HTML), ': "Sorry & bye")'),
        (HttpResponse(403, b"<html><h1>\n Sorry\n </h1>", HTML), ': "Sorry")'),
        (HttpResponse(403, REGION, HTML), 'region of this machine\'s address ("Claude")'),
        (HttpResponse(503, b"<title>Back soon</title>", HTML), '(HTTP 503: "Back soon")'),
        (HttpResponse(200, b"<title>Back soon</title>", HTML), '(not JSON: "Back soon")'),
        (HttpResponse(200, b"<title>  </title>", HTML), "(not JSON)"),
        (HttpResponse(503, b"<TITLE LANG=en>Back soon</TITLE>", HTML), '(HTTP 503: "Back soon")'),
    ],
)
def test_what_the_service_says_is_quoted(answer: HttpResponse, words: str) -> None:
    assert words in failure(answer).message


HOSTILE = "\x1b[2J\n\u202e sk-ant-sid01-secret \0" + "x" * 1_000


@pytest.mark.parametrize("status", [200, 400, 402, 403, 418, 503])
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (json.dumps({"error": {"message": HOSTILE}}).encode(), {}),
        (json.dumps({"error": HOSTILE}).encode(), {}),
        (f"<title>{HOSTILE}</title>".encode(), HTML),
        (f"<title>{HOSTILE.replace('sk-ant', 'sk&#45;ant')}</title>".encode(), HTML),
        (b"<title><h1>" * 200_000, HTML),
        (b"<title " * 200_000, HTML),
        (HOSTILE.encode(), {"content-type": "text/plain"}),
        (b"sk-ant-sid01-secret", {"retry-after": "sk-ant-sid01-secret"}),
    ],
)
def test_a_quote_is_one_short_printable_line_without_secrets(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    answer = HttpResponse(status, body, headers)
    outcome = outcome_of(answer)
    message = outcome.message if outcome else ""
    assert message.isprintable()
    assert len(message) < 300
    assert "secret" not in message + repr(answer)


def test_no_failure_repeats_an_address() -> None:
    """It may hold anything, a secret included."""
    for status in (200, 401, 403, 404, 429, 500):
        answer = HttpResponse(status, b"", {}, "https://x/" + "s3cret")
        assert "s3cret" not in failure(answer).message


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", timedelta(0)),
        ("60", timedelta(minutes=1)),
        (" 1.5 ", timedelta(seconds=1.5)),
        ("-5", timedelta(0)),
        ("1e308", DAY),
        ("86401", DAY),
        ("Sun, 22 Nov 2026 12:30:00 GMT", timedelta(minutes=30)),
        ("Sun, 22 Nov 2026 12:30:00 -0000", timedelta(minutes=30)),
        ("Sun, 22 Nov 2026 13:30:00 +0100", timedelta(minutes=30)),
        ("Sun, 22 Nov 2020 12:30:00 GMT", timedelta(0)),
        ("Sun, 22 Nov 2099 12:30:00 GMT", DAY),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("9" * 500, DAY),
        ("-1e308", timedelta(0)),
        (None, None),
    ],
)
def test_how_long_to_wait_is_seconds_or_a_date_and_a_day_at_most(
    text: str | None, wait: timedelta | None
) -> None:
    header = {} if text is None else {"retry-after": text}
    retry_at = failure(HttpResponse(429, b"", header)).retry_at
    assert retry_at == (None if wait is None else NOON + wait)


@settings(max_examples=60)
@given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [+-]?\w+"))
def test_any_text_says_how_long_to_wait_or_does_not(text: str) -> None:
    until = failure(HttpResponse(429, b"", {"retry-after": text})).retry_at
    assert until is None or NOON <= until <= NOON + DAY


@pytest.mark.parametrize(
    ("wait", "words", "until"),
    [
        ("90", "", NOON + timedelta(seconds=90)),
        ("86400", "", NOON + DAY),
        ("0", " (will retry on the next pass)", NOON),
        ("soon", " (will retry on the next pass)", None),
    ],
)
def test_a_rate_limit_knows_until_when(wait: str, words: str, until: datetime | None) -> None:
    """The words do not say it: each reader has a zone of their own."""
    found = failure(HttpResponse(429, b"", {"retry-after": wait}))
    assert found.message == f"rate limited by the service{words}"
    assert found.retry_at == until


@pytest.mark.parametrize("kind", FailureKind)
def test_each_kind_has_words_of_its_own(kind: FailureKind) -> None:
    assert AccountError(kind).failure == Failure(kind, str(AccountError(kind)))
    assert AccountError(kind, "detail").failure.message == f"{AccountError(kind)} (detail)"
    assert len({str(AccountError(other)) for other in FailureKind}) == len(FailureKind)
