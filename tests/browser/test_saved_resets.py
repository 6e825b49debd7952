"""Usage is requested with saved resets, and if that is refused once more without them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest

from cldmon.demo.claude import SimAccount, SimOrganization, permission_error
from cldmon.demo.server import Response, html_response, json_response
from cldmon.domain.model import FailureKind
from cldmon.domain.ports import Organization, ReadRequest, ReadResult
from cldmon.domain.secret import Secret
from tests.browser.account_reader import AccountReader, failure
from tests.env import key_of, organization_of
from tests.simulation.challenges import CHALLENGE_PAGE
from tests.simulation.claude import FakeClaude
from tests.simulation.usage_json import saved_resets, usage

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = datetime.now(UTC) + timedelta(days=4)
ERROR = {"error": {"message": "unknown parameter"}}
REFUSALS = {
    "400": json_response({"error": {"type": "invalid_request_error", "message": "unknown"}}, 400),
    "403": permission_error("Not for this plan"),
    "403-organization": permission_error("Invalid authorization for organization"),
    "403-html": html_response("<!doctype html><title>No</title>", 403),
    "404": json_response(ERROR, 404),
    "422": json_response(ERROR, 422),
    "500": json_response(ERROR, 500),
    "503-html": html_response("<!doctype html><title>Back soon</title>", 503),
}
CLEAR = {
    "401": (json_response(ERROR, 401), FailureKind.KEY_EXPIRED),
    "403-expired": (
        permission_error("Gone", error_code="account_session_invalid"),
        FailureKind.KEY_EXPIRED,
    ),
    "429": (json_response(ERROR, 429), FailureKind.RATE_LIMITED),
    "challenge": (html_response(CHALLENGE_PAGE, 403), FailureKind.CHALLENGED),
    "418": (json_response(ERROR, 418), FailureKind.NOT_UNDERSTOOD),
}
WAYS = ("looked-up", "remembered")


class Pass(NamedTuple):
    results: dict[str, ReadResult]
    failed: dict[str, FailureKind]
    queries: dict[str, list[str]]
    """The queries of each account's requests for its usage."""


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pass]:
    """One pass over every refusal, with the organization looked up and with it remembered."""
    answers = {**REFUSALS, **{name: answer for name, (answer, _) in CLEAR.items()}, "good": None}
    with FakeClaude() as claude:
        reader = AccountReader(claude, tmp_path_factory.mktemp("saved"))
        questions = [
            add_account(claude, f"{name}@{way}", refusal)
            for name, refusal in answers.items()
            for way in WAYS
        ]
        questions.append(replace(add_account(claude, "unasked", None), saved_resets=False))
        results = reader.read(*questions)
        yield Pass(
            {label: result for label, result in results.items() if isinstance(result, ReadResult)},
            {
                label: failure(result).kind
                for label, result in results.items()
                if not isinstance(result, ReadResult)
            },
            {
                question.label: [
                    request.query
                    for request in reader.requests_of(question.label)
                    if request.path.endswith("/usage")
                ]
                for question in questions
            },
        )


def add_account(claude: FakeClaude, label: str, refusal: Response | None) -> ReadRequest:
    organization = SimOrganization(organization_of(label))
    body = usage(cedar_ember=saved_resets(SOON, weekly_resets=SOON))
    claude.add(SimAccount(key_of(label), (organization,), body))
    if refusal:
        claude.refuse(key_of(label), "cedar_ember", refusal)
    known = Organization(organization.uuid, "Pro") if label.endswith("remembered") else None
    return ReadRequest(label, Secret(key_of(label)), remembered=known)


@pytest.mark.parametrize("way", WAYS)
def test_saved_resets_come_with_the_usage(once: Pass, way: str) -> None:
    answer = once.results[f"good@{way}"]
    assert once.queries[f"good@{way}"] == ["cedar_ember=1"]
    assert answer.reading.saved_resets
    assert answer.reading.saved_resets.left == 1
    assert not answer.saved_resets_refused


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", REFUSALS)
def test_after_a_refusal_the_usage_is_requested_without_saved_resets(
    once: Pass, name: str, way: str
) -> None:
    answer = once.results[f"{name}@{way}"]
    assert once.queries[f"{name}@{way}"] == ["cedar_ember=1", ""]
    assert answer.saved_resets_refused
    assert answer.reading.windows
    assert answer.reading.saved_resets is None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CLEAR)
def test_after_another_refusal_no_further_request_is_sent(once: Pass, name: str, way: str) -> None:
    """But a challenge of what a page fetches is opened as a page."""
    is_reopened = (name, way) == ("challenge", "looked-up")
    assert once.failed[f"{name}@{way}"] is CLEAR[name][1]
    assert once.queries[f"{name}@{way}"] == ["cedar_ember=1"] * (1 + is_reopened)


def test_a_remembered_refusal_is_not_provoked_again(once: Pass) -> None:
    assert once.queries["unasked"] == [""]
    assert not once.results["unasked"].saved_resets_refused
