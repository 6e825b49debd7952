"""Cloudflare's challenges: ours passes those that an ordinary browser passes without a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest

from cldmon.claude.browser import BrowserSettings
from cldmon.domain.model import FailureKind
from cldmon.domain.ports import Organization, ReadRequest, ReadResult
from tests.browser.account_reader import AccountReader, failure
from tests.env import key_of, organization_of
from tests.simulation import faults
from tests.simulation.challenges import CHALLENGE_PAGE, SCRIPTS, Challenge
from tests.simulation.claude import FakeClaude, challenge, expired, login_redirect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cldmon.demo.server import Request
    from tests.simulation.faults import Fault

PASSING = BrowserSettings(timeout=60, concurrency=24)
FAILING = replace(PASSING, challenge_timeout=3)
MARK = ("cf-mitigated", "challenge")
RELOADS = "location.reload()"
SUBMITS = """document.body.innerHTML = '<form method="post" action="?__cf_chl_tk=1"></form>';
document.forms[0].submit()"""


def page(script: str, status: int = 403, *, header: bool = True) -> Fault:
    """A challenge whose page runs a script."""
    fault = faults.html(status, CHALLENGE_PAGE.replace("</html>", f"<script>{script}</script>"))
    return fault.then(faults.header(*MARK)) if header else fault


ONCE = {
    "reloads": [page(RELOADS)],
    "reloads-by-its-marks": [page(RELOADS, header=False)],
    "reloads-503-by-its-marks": [page(RELOADS, 503, header=False)],
    "reloads-later": [page(f"setTimeout(() => {RELOADS}, 500)")],
    "submits": [page(SUBMITS)],
    "twice": [page(RELOADS), page(f"setTimeout(() => {RELOADS}, 200)")],
    "navigates": [page("location = location.pathname + '?again'")],
    "redirects": [page(RELOADS), faults.redirect("?again")],
}
"""Challenges that are passed, in the order in which the account meets them."""
STUCK = {
    "never": Challenge.NEVER,
    "person": Challenge.PERSON,
}
REFUSED = {
    "unmoved": [challenge()],
    "too-late": [page(f"setTimeout(() => {RELOADS}, 25000)")],
    "no-page": [faults.body("{}").then(faults.header(*MARK))],
}
ENDS = {
    "expired": ([page(RELOADS), expired()], FailureKind.KEY_EXPIRED),
    "to-login": ([page(RELOADS), login_redirect()], FailureKind.KEY_EXPIRED),
    "down": ([page(RELOADS), faults.status(418)], FailureKind.NOT_UNDERSTOOD),
}


class Passes(NamedTuple):
    """What became of each account in the first pass and an hour later, and what it asked."""

    results: list[dict[str, ReadResult | object]]
    requests: list[dict[str, list[Request]]]
    scripts: list[Request]


@pytest.fixture(scope="module")
def passes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Passes]:
    """A pass in which every account is challenged, and one of the first two an hour later.

    The accounts that do not pass their challenge are read with less time for it.
    """
    with FakeClaude() as claude:
        reader = AccountReader(claude, tmp_path_factory.mktemp("challenges"), PASSING)
        passing, failing = [*add_passing(reader)], [*add_failing(reader)]
        results: list[dict[str, ReadResult | object]] = [{}, {}]
        requests: list[dict[str, list[Request]]] = [{}, {}]
        scripts = []
        for number, settings, asked in (
            (0, FAILING, failing),
            (0, PASSING, passing),
            (1, PASSING, passing[:2]),
        ):
            reader.settings, reader.ahead = settings, timedelta(hours=number)
            results[number].update(reader.read(*asked))
            requests[number].update({each.label: reader.requests_of(each.label) for each in asked})
            scripts += [each for each in claude.requests if each.path.startswith(SCRIPTS)]
        yield Passes(results, requests, scripts)


def add_passing(reader: AccountReader) -> Iterator[ReadRequest]:
    """Add the accounts whose challenges end: they are read, or fail for another reason."""
    for kind in ("looked-up", "remembered"):
        label = f"script-{kind}"
        reader.claude.challenge(key_of(label), Challenge.SCRIPT)
        question = reader.add_account(label)
        known = Organization(organization_of(label), "Pro") if kind == "remembered" else None
        yield replace(question, remembered=known)
    chains = {**ONCE, **{name: chain for name, (chain, _) in ENDS.items()}}
    for name, chain in chains.items():
        question = reader.add_account(name)
        for fault in chain:
            reader.claude.fail(key_of(name), fault, 1)
        yield question
    yield reader.add_account("fetch", challenge().on("usage"), times=1)
    yield reader.add_account("unchallenged")


def add_failing(reader: AccountReader) -> Iterator[ReadRequest]:
    for name, kind in STUCK.items():
        reader.claude.challenge(key_of(name), kind)
        yield reader.add_account(name)
    for name, faults_of in REFUSED.items():
        yield reader.add_account(name, *faults_of)


def answer(passes: Passes, label: str, number: int = 0) -> ReadResult:
    result = passes.results[number][label]
    assert isinstance(result, ReadResult), result
    return result


@pytest.mark.parametrize("label", ["script-looked-up", "script-remembered"])
def test_a_page_that_lets_the_browser_pass_is_passed(passes: Passes, label: str) -> None:
    assert answer(passes, label).challenged
    assert [window.utilization for window in answer(passes, label).reading.windows.values()]


@pytest.mark.parametrize("label", ["script-looked-up", "script-remembered"])
def test_the_clearance_is_kept_for_the_next_pass(passes: Passes, label: str) -> None:
    assert not answer(passes, label, 1).challenged
    assert all("cf_clearance=" in each.headers["cookie"] for each in passes.requests[1][label])


@pytest.mark.parametrize("label", ONCE)
def test_a_challenge_is_passed_however_its_page_goes_on(passes: Passes, label: str) -> None:
    assert answer(passes, label).challenged


def test_a_challenge_of_what_a_page_fetches_is_opened_as_a_page(passes: Passes) -> None:
    assert answer(passes, "fetch").challenged
    assert [each.path.rpartition("/")[2] for each in passes.requests[0]["fetch"]] == [
        "organizations",
        "usage",
        "usage",
    ]


@pytest.mark.parametrize("label", ENDS)
def test_behind_a_challenge_every_answer_has_its_meaning(passes: Passes, label: str) -> None:
    assert failure(passes.results[0][label]).kind is ENDS[label][1]


@pytest.mark.parametrize("label", [*STUCK, *REFUSED])
def test_a_challenge_that_is_not_passed_is_reported_as_one(passes: Passes, label: str) -> None:
    result = failure(passes.results[0][label])
    assert result.kind is FailureKind.CHALLENGED
    assert "the key is probably fine" in result.message


@pytest.mark.parametrize("label", [*STUCK, "unmoved", "no-page"])
def test_nothing_is_clicked_or_tried_twice(passes: Passes, label: str) -> None:
    """The page is left alone: no further request of the account, and no clearance."""
    asked = passes.requests[0][label]
    [request] = [each for each in asked if each.path.startswith("/api/")]
    assert "cf_clearance" not in request.headers["cookie"]


def test_the_scripts_of_a_challenge_are_loaded(passes: Passes) -> None:
    kinds = {each.path.rpartition("/")[2] for each in passes.scripts}
    assert kinds == {"script.js", "never.js", "person.js"}


def test_an_account_without_a_challenge_is_read_as_usual(passes: Passes) -> None:
    assert not answer(passes, "unchallenged").challenged


def test_a_challenge_ends_with_the_accounts_time(fake_claude: FakeClaude, tmp_path: Path) -> None:
    """It is not reported as a timeout, and takes no time from the others."""
    reader = AccountReader(fake_claude, tmp_path, BrowserSettings(timeout=4))
    fake_claude.challenge(key_of("never"), Challenge.NEVER)
    results = reader.read(reader.add_account("never"), reader.add_account("good"))
    assert failure(results["never"]).kind is FailureKind.CHALLENGED
    assert isinstance(results["good"], ReadResult)
