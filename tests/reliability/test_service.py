"""A service with every kind of fault: each account says what is wrong, and no key leaks.

Through `cldmon fetch` and a real Chromium, one pass with an account for each fault. The other
combinations are tried by `scripts/reliability services`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.env import Env, key_of
from tests.reliability import service, tls
from tests.reliability.result import Result
from tests.simulation.claude import FakeClaude

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAMPLE = 29
"""Of so many combinations one is tried; no divisor of their number, so that all kinds come up.

Pages of a challenge are left out, for each takes its account's time: see
tests/browser/test_challenges.py.
"""


def is_challenge_page(case: service.Case) -> bool:
    return case.ends == {"challenged"} and any(body in case.name for body in ("page", "challenge"))


@pytest.fixture
def elsewhere() -> Iterator[FakeClaude]:
    """A server that is not the service, and counts what it is sent."""
    with FakeClaude() as elsewhere:
        yield elsewhere


def test_the_reason_is_reported_for_every_answer_of_the_service(
    fake_claude: FakeClaude, elsewhere: FakeClaude, tmp_path: Path
) -> None:
    """And the key goes to the service alone, the healthy account is read, and no cookie stays that
    would spoil the next pass.
    """
    port = int(elsewhere.url.rpartition(":")[2])
    baked = list(service.build_cookies())
    cases = [
        *(
            each
            for each in [*service.build_combinations()][::SAMPLE]
            if not is_challenge_page(each)
        ),
        *list(service.build_lures(port))[::5],
        *service.build_strange(),
        *baked,
    ]
    env = Env(tmp_path / "home", fake_claude)
    result = Result("sample")
    found = service.run_pass(env, cases, "organizations")
    for case in cases:
        with result.case(case.name):
            assert found[service.label(case)] in case.ends, found[service.label(case)]
    result.check()
    assert found["good"] == service.OK
    service.check_not_asked(elsewhere)

    labels = [service.label(each) for each in baked]
    for label in labels:
        fake_claude.heal(key_of(label))
    env.run("fetch", *(f"--account={label}" for label in labels), timeout=300)
    assert {service.read_endings(env)[label] for label in labels} == {service.OK}


def test_what_has_no_end_only_uses_up_the_time_of_one_account(
    fake_claude: FakeClaude, tmp_path: Path
) -> None:
    env = Env(tmp_path / "home", fake_claude)
    cases = list(service.build_slow())
    env.set_up(
        {service.label(each): each.fault.on("organizations") for each in cases},
        tables="[browser]\nconcurrency = 8\ntimeout_seconds = 2\n",
    )
    env.run("fetch")
    found = service.read_endings(env)
    wrong = {each.name for each in cases if found[service.label(each)] not in each.ends}
    assert wrong == set(), found
    assert env.leftovers() == []


def test_a_key_is_never_sent_where_the_certificate_is_not_trusted(tmp_path: Path) -> None:
    tls.run_cases(tmp_path, ("other-host", "cut")).check()
