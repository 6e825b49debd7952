"""After a challenge that did not let the browser pass, an account is asked in every third pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.model import Failure, FailureKind
from tests.collector.env import CollectorEnv
from tests.fakes import DOWN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes import Said

CHALLENGED = Failure(FailureKind.CHALLENGED, "challenged by Cloudflare")


@pytest.fixture
def pair(tmp_path: Path) -> CollectorEnv:
    return CollectorEnv(tmp_path, labels=("alice", "bob"))


def passes(env: CollectorEnv, *answers: Said, by_hand: bool = False) -> list[bool]:
    """Make a pass for each answer of alice's; return in which of them she was asked."""
    asked = []
    for answer in answers:
        env.source.asked.clear()
        env.run({"alice": answer}, by_hand=by_hand)
        labels = [question.label for question in env.source.asked]
        assert "bob" in labels
        asked.append("alice" in labels)
    return asked


def test_it_is_asked_in_every_third_pass_until_it_is_let_through(pair: CollectorEnv) -> None:
    answers = [CHALLENGED] * 7 + [20] * 4
    assert passes(pair, *answers) == [
        *(True, False, False, True, False, False, True, False, False),
        *(True, True),
    ]
    memory = pair.state.account_states["alice"]
    assert (memory.challenges, memory.passes_to_skip) == (0, 0)


def test_meanwhile_it_stays_in_error_with_its_last_reading(pair: CollectorEnv) -> None:
    pair.run({"alice": 20})
    for _ in range(3):
        outcome = pair.run({"alice": CHALLENGED})
        [alice] = outcome.failed
        assert alice.failure == CHALLENGED
        assert alice.reading
    assert pair.state.account_states["alice"].challenges == 1
    assert pair.state.counters["errors.challenged"] == 1


def test_a_fetch_by_hand_asks_anyway(pair: CollectorEnv) -> None:
    assert passes(pair, CHALLENGED, CHALLENGED, by_hand=True) == [True, True]
    pair.run({"alice": CHALLENGED}, only=["alice"])
    assert pair.state.account_states["alice"].challenges == 3
    pair.run(only=["bob"])
    assert pair.state.account_states["alice"].passes_to_skip == 2
    assert passes(pair, 20, 20, 20) == [False, False, True]


def test_a_new_key_is_tried_at_once(pair: CollectorEnv) -> None:
    """Whoever signed in on this machine has left its clearance there."""
    passes(pair, CHALLENGED)
    pair.keys["alice"] = "sk-ant-sid01-new"
    assert passes(pair, CHALLENGED, 20) == [True, False]


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        (FailureKind.KEY_EXPIRED, [True, True]),
        (FailureKind.REFUSED, [True, True]),
        (FailureKind.NOT_UNDERSTOOD, [True, True]),
        (FailureKind.SERVICE_DOWN, [False, False]),
        (FailureKind.TIMEOUT, [False, False]),
        (FailureKind.NO_BROWSER, [False, False]),
    ],
)
def test_only_an_answer_of_the_service_says_that_no_challenge_blocks_it(
    pair: CollectorEnv, kind: FailureKind, asked: list[bool]
) -> None:
    passes(pair, CHALLENGED, CHALLENGED, CHALLENGED, replace(DOWN, kind=kind))
    assert passes(pair, 20, 20) == asked


@pytest.mark.parametrize("kind", [FailureKind.SERVICE_DOWN, FailureKind.TIMEOUT])
def test_who_was_never_challenged_is_asked_in_every_pass(
    pair: CollectorEnv, kind: FailureKind
) -> None:
    assert passes(pair, *[replace(DOWN, kind=kind)] * 3) == [True] * 3


def test_challenges_are_counted_by_their_outcome(pair: CollectorEnv) -> None:
    pair.source.challenging.add("bob")
    passes(pair, CHALLENGED, 20, 20, 20)
    assert pair.state.counters["challenges.passed"] == 4
    assert pair.state.counters["challenges.failed"] == 1
