"""Each response of the service is classified, described, and affects only its own account.

One pass, with one browser, reads the accounts of all cases.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest

from cldmon.claude.browser import BrowserSettings
from cldmon.demo.claude import SimAccount, SimOrganization, session_cookie
from cldmon.domain.model import FailureKind
from cldmon.domain.ports import Organization, ReadResult
from tests.browser.account_reader import AccountReader, failure
from tests.env import key_of, organization_of
from tests.simulation import faults
from tests.simulation.claude import (
    FakeClaude,
    challenge,
    cleared_session_cookie,
    expired,
    login_redirect,
    wrong_organization,
)
from tests.simulation.replies import Raw
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cldmon.demo.server import Reply, Request, Response
    from cldmon.domain.model import Failure
    from cldmon.domain.ports import ReadRequest
    from tests.simulation.faults import Fault

SECOND_KEY = key_of("second")


class Case(NamedTuple):
    """What goes wrong, and what is said of it when it strikes the first and the second request."""

    fault: Fault
    kind: FailureKind | None
    words: str = ""
    first_kind: FailureKind | None = None
    first_words: str = ""


def padded_length() -> Fault:
    """The genuine answer, whose Content-Length has more digits than Python turns into a number."""

    def pad(answer: Response) -> Reply:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer.body):04400}\r\n\r\n"
        return Raw((head.encode() + answer.body,))

    return faults.change(pad, "padded length")


K = FailureKind
# Statuses and bodies are classified in tests/claude/test_errors.py; this is what a browser adds.
CASES = {
    "401": Case(expired(), K.KEY_EXPIRED, "sign in again"),
    "to-login": Case(login_redirect(), K.KEY_EXPIRED, "sign in again"),
    "wrong-organization": Case(
        wrong_organization(),
        K.WRONG_ORGANIZATION,
        "refuses every organization",
        first_words="refuses the organization to this key",
    ),
    "404": Case(faults.status(404), K.WRONG_ORGANIZATION, "HTTP 404"),
    "challenge-403": Case(challenge(), K.CHALLENGED, "browser.headless = false"),
    "429-seconds": Case(faults.rate_limited(3600), K.RATE_LIMITED, "rate limited"),
    "429-bare": Case(faults.rate_limited(), K.RATE_LIMITED, "will retry on the next pass"),
    "500": Case(faults.status(500), K.SERVICE_DOWN, "HTTP 500"),
    "hang-up": Case(faults.hang_up(), K.SERVICE_DOWN, "connection", first_words="empty response"),
    "reset": Case(faults.hang_up(reset=True), K.SERVICE_DOWN, "connection"),
    "answer-lost": Case(faults.answer_lost(), K.SERVICE_DOWN, "connection"),
    "truncated": Case(faults.truncated(), K.SERVICE_DOWN, "broke off"),
    "html": Case(faults.html(), K.SERVICE_DOWN, 'not JSON: "Something else"'),
    "redirect": Case(faults.redirect("/elsewhere"), K.NOT_UNDERSTOOD, "redirected"),
    "no-content": Case(
        faults.empty(204), K.NOT_UNDERSTOOD, "HTTP 204", first_words="without content"
    ),
    "empty": Case(faults.empty(), K.SERVICE_DOWN, "not JSON"),
    "list": Case(
        faults.body("[]"),
        K.NOT_UNDERSTOOD,
        "no usage in it",
        K.WRONG_ORGANIZATION,
        "opens no organization with a Claude subscription",
    ),
    "text": Case(
        faults.body('"usage"'), K.NOT_UNDERSTOOD, "no usage", first_words="no list of organizations"
    ),
    "invalid-utf8": Case(faults.invalid_utf8(), K.NOT_UNDERSTOOD),
    "50-MB": Case(faults.huge(), K.NOT_UNDERSTOOD, "more than 2,000,000 bytes"),
    "attachment": Case(faults.attachment(), None, "", K.NOT_UNDERSTOOD, "a download"),
    "zeros-before-the-length": Case(padded_length(), None),
    "odd-length": Case(faults.header("Content-Length", "7, 7"), K.SERVICE_DOWN),
    "slow": Case(faults.slow(0.5), None),
    "strict-policy": Case(
        faults.header("Content-Security-Policy", "default-src 'none'; sandbox"), None
    ),
    "key-repeated": Case(faults.set_cookie(session_cookie(key_of("key-repeated"))), None),
    "key-changed": Case(faults.set_cookie(session_cookie(SECOND_KEY)), None),
    "key-cleared": Case(faults.set_cookie(cleared_session_cookie()), None),
    "twin-added": Case(faults.set_cookie(f"sessionKeyV3={SECOND_KEY}; Path=/"), None),
    "key-added": Case(faults.set_cookie(f"sessionKey={SECOND_KEY}; Path=/api"), None),
    "key-cleared-by-401": Case(
        expired().then(faults.set_cookie(cleared_session_cookie())), K.KEY_EXPIRED
    ),
}
HANGING = {
    "hang": faults.hang(60),
    "drip": faults.drip(0.5),
    "late": faults.slow(60),
}


class Pass(NamedTuple):
    """A pass that has ended: what became of each label, and what another host was asked."""

    results: dict[str, ReadResult | Failure]
    reader: AccountReader
    elsewhere: list[Request]

    def kind(self, label: str) -> FailureKind | None:
        result = self.results[label]
        return None if isinstance(result, ReadResult) else result.kind


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pass]:
    """One pass over every case, struck in the first request and struck in the second."""
    with FakeClaude() as claude, FakeClaude() as elsewhere:
        reader = AccountReader(claude, tmp_path_factory.mktemp("faults") / "browser")
        questions = [
            reader.add_account(f"{name}@{route}", case.fault.on(route))
            for route in ("organizations", "usage")
            for name, case in CASES.items()
        ]
        port = elsewhere.url.rpartition(":")[2]
        away = faults.redirect(f"http://localhost:{port}/api/organizations")
        questions += [
            reader.add_account("good"),
            reader.add_account("away@organizations", away.on("organizations")),
            reader.add_account("away@usage", away.on("usage")),
            *remembering(reader),
        ]
        yield Pass(reader.read(*questions), reader, elsewhere.requests)


def remembering(reader: AccountReader) -> Iterator[ReadRequest]:
    """Yield questions whose organization is known: rightly, no longer, or never."""
    stale = Organization("00000000-dead-4000-8000-000000000000", "Pro")
    good = reader.add_account("remembered")
    yield replace(good, remembered=Organization(organization_of("remembered"), "Pro"))
    yield replace(reader.add_account("stale"), remembered=stale)
    yield replace(
        reader.add_account("gone", faults.status(404).on("usage"), times=1), remembered=stale
    )
    cleared = faults.status(404).then(faults.set_cookie(cleared_session_cookie()))
    yield replace(reader.add_account("cleared", cleared.on("usage"), times=1), remembered=stale)
    yield replace(reader.add_account("configured"), organization=stale.uuid)
    reader.claude.add(
        SimAccount(key_of("api-only"), (SimOrganization("a1", capabilities=("api",)),), usage())
    )
    yield replace(
        reader.add_account("other"), label="api-only", key=type(good.key)(key_of("api-only"))
    )


@pytest.mark.parametrize("name", CASES)
def test_a_fault_of_the_usage_response_is_classified(once: Pass, name: str) -> None:
    check(once, f"{name}@usage", CASES[name].kind, CASES[name].words)


@pytest.mark.parametrize("name", CASES)
def test_a_fault_of_the_organization_list_is_classified(once: Pass, name: str) -> None:
    case = CASES[name]
    words = case.first_words or case.words
    check(once, f"{name}@organizations", case.first_kind or case.kind, words)


def check(once: Pass, label: str, kind: FailureKind | None, words: str) -> None:
    assert once.kind(label) is kind, once.results[label]
    if kind:
        message = failure(once.results[label]).message
        assert words in message
        assert "\n" not in message


def test_one_accounts_failure_never_touches_another(once: Pass) -> None:
    answer = once.results["good"]
    assert isinstance(answer, ReadResult)
    assert answer.looked_up
    assert answer.organization == Organization(organization_of("good"), "Pro")
    assert [w.utilization for w in answer.reading.windows.values()] == [41, 63]


def test_a_rate_limit_says_until_when(once: Pass) -> None:
    now = once.reader.now()
    in_an_hour = failure(once.results["429-seconds@usage"]).retry_at
    assert in_an_hour is not None
    assert timedelta(minutes=58) < in_an_hour - now <= timedelta(hours=1)
    assert failure(once.results["429-bare@usage"]).retry_at is None


def test_a_response_cannot_change_or_clear_the_key_that_is_sent(once: Pass) -> None:
    """Both requests bear the configured key, and nothing else that is called a session key."""
    for name in ("key-repeated", "key-changed", "key-cleared", "key-added", "twin-added"):
        label = f"{name}@organizations"
        asked = once.reader.requests_of(label)
        assert [each.headers["cookie"] for each in asked] == [f"sessionKey={key_of(label)}"] * 2


def test_no_session_key_is_among_the_cookies_that_are_kept(once: Pass) -> None:
    kept = [path.read_text() for path in once.reader.folder.glob("*.json")]
    assert kept
    assert not any("sk-ant" in text or "sessionKey" in text for text in kept)


def test_a_redirect_to_another_host_does_not_take_the_key_there(once: Pass) -> None:
    assert once.kind("away@organizations") is FailureKind.NOT_UNDERSTOOD
    assert once.kind("away@usage") is FailureKind.NOT_UNDERSTOOD
    assert once.elsewhere == []


def test_the_remembered_organization_costs_one_request(once: Pass) -> None:
    answer = once.results["remembered"]
    assert isinstance(answer, ReadResult)
    assert not answer.looked_up
    assert len(once.reader.requests_of("remembered")) == 1


@pytest.mark.parametrize("label", ["stale", "gone", "cleared"])
def test_a_stale_organization_is_looked_up_again_once(once: Pass, label: str) -> None:
    answer = once.results[label]
    assert isinstance(answer, ReadResult)
    assert answer.organization.uuid == organization_of(label)
    queries = [request.query for request in once.reader.requests_of(label)]
    assert queries == ["cedar_ember=1", "", "", "cedar_ember=1"]


def test_a_configured_organization_that_the_key_does_not_open_is_named(once: Pass) -> None:
    """So is the one that it does open."""
    message = failure(once.results["configured"]).message
    assert "00000000-dead-4000-8000-000000000000" in message
    assert organization_of("configured") in message
    assert len(once.reader.requests_of("configured")) == 1


def test_a_key_only_for_the_console_is_reported(once: Pass) -> None:
    assert "no organization with a Claude subscription" in failure(once.results["api-only"]).message


def test_nothing_on_the_wire_says_headless(once: Pass) -> None:
    said = [each for each in once.reader.claude.requests if "headless" in str(each).lower()]
    assert said == []


def test_the_user_agent_and_its_hints_agree(once: Pass) -> None:
    for request in once.reader.requests_of("good"):
        agent, hints = request.headers["user-agent"], request.headers["sec-ch-ua"]
        major = agent.partition("Chrome/")[2].partition(".")[0]
        assert f'"Chromium";v="{major}"' in hints


def test_silence_ends_at_the_accounts_deadline(tmp_path: Path) -> None:
    """The first request or the second: each account has its time, and waits for no other's."""
    with FakeClaude() as claude:
        settings = BrowserSettings(timeout=3, concurrency=8)
        reader = AccountReader(claude, tmp_path, settings)
        results = reader.read(
            *(
                reader.add_account(f"{name}@{route}", fault.on(route))
                for name, fault in HANGING.items()
                for route in ("organizations", "usage")
            ),
            reader.add_account("50-MB", faults.huge(stated=False).on("usage")),
        )
    message = failure(results.pop("50-MB")).message
    assert "more than 2,000,000 bytes" in message
    assert {failure(result).kind for result in results.values()} == {FailureKind.TIMEOUT}
    assert all("(3 s)" in failure(result).message for result in results.values())
