"""The story of the demo, as a table: it holds together and tells what it promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from cldmon.claude.organization import find_candidates
from cldmon.claude.usage import parse
from cldmon.demo import scenario
from cldmon.demo.faults import Fault
from cldmon.demo.scenario import PEOPLE, STORY
from cldmon.domain.model import TransitionKind, duration
from cldmon.domain.transitions import AlertState, ResetRule, detect

if TYPE_CHECKING:
    from cldmon.demo.scenario import Person
    from cldmon.domain.model import Reading

END = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
everybody = pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.label)


def readings(person: Person) -> list[Reading]:
    """Return what cldmon understands of an account's good answers, oldest first."""
    found = []
    for moment in STORY:
        answer = moment.answers[person.label]
        if not isinstance(answer, Fault):
            at = END + timedelta(minutes=moment.minute)
            found.append(parse(person.usage(answer, moment.minute, END), taken_at=at))
    assert all(found)
    return [reading for reading in found if reading]


def told_of(person: Person) -> list[tuple[TransitionKind, str]]:
    told, state = [], AlertState()
    for reading in readings(person):
        found, state = detect(
            person.label, state, reading.windows, at=reading.taken_at, rule=ResetRule.ZERO
        )
        told += [(transition.kind, transition.window) for transition in found]
    return told


def test_the_passes_follow_each_other_at_the_interval_and_end_now() -> None:
    minutes = [moment.minute for moment in STORY]
    assert minutes[-1] == 0
    assert {b - a for a, b in pairwise(minutes)} == {scenario.INTERVAL_MINUTES}


@everybody
def test_every_window_resets_later_than_it_is_read_and_within_its_length(person: Person) -> None:
    for reading in readings(person):
        for name, window in reading.windows.items():
            length = duration(name)
            assert length
            if window.resets_at:
                assert timedelta(0) < window.resets_at - reading.taken_at <= length


@everybody
def test_use_never_falls_while_a_window_lasts(person: Person) -> None:
    for old, new in pairwise(readings(person)):
        for name, window in new.windows.items():
            if old.windows[name].resets_at == window.resets_at:
                assert window.utilization >= old.windows[name].utilization


@everybody
def test_the_organization_with_the_plan_is_chosen_not_the_console(person: Person) -> None:
    account = person.account(person.key, {})
    listed = [
        {"uuid": o.uuid, "capabilities": list(o.capabilities), "rate_limit_tier": o.rate_limit_tier}
        for o in account.organizations
    ]
    assert [each.uuid for each in find_candidates(listed)] == [person.organization.uuid]


def test_the_four_plans_are_told_apart() -> None:
    plans = [
        find_candidates(
            [
                {
                    "uuid": p.organization.uuid,
                    "capabilities": list(p.organization.capabilities),
                    "rate_limit_tier": p.organization.rate_limit_tier,
                }
            ]
        )
        for p in PEOPLE
    ]
    assert [plan.plan for [plan] in plans] == ["Ultra", "Pro", "Team", "Max"]


def test_alice_is_quiet_and_has_a_weekly_limit_for_one_model() -> None:
    assert told_of(scenario.ALICE) == []
    assert readings(scenario.ALICE)[-1].windows["models.Fable"].utilization == 41


def test_bob_hits_the_limit_of_his_session_once_and_pays_beyond_it() -> None:
    assert told_of(scenario.BOB) == [(TransitionKind.LIMIT_HIT, "fiveHour")]
    extra = readings(scenario.BOB)[-1].credits
    assert extra
    assert (extra.used, extra.limit, extra.currency) == (415, 2000, "EUR")


def test_carols_session_is_free_again_across_an_outage_and_then_rests() -> None:
    assert told_of(scenario.CAROL) == [(TransitionKind.USAGE_RESET, "fiveHour")]
    faults = [m.answers["carol"] for m in STORY if isinstance(m.answers["carol"], Fault)]
    assert faults == [scenario.OUTAGE]
    assert readings(scenario.CAROL)[-1].windows["fiveHour"].resets_at is None


def test_daves_key_ends_in_the_middle_and_stays_so() -> None:
    failing = [moment.answers["dave"] == scenario.KEY_ENDS for moment in STORY]
    assert failing == sorted(failing)
    assert 3 <= sum(failing) < len(STORY) - 2


def test_alerts_go_from_accounts_that_exist_to_people_who_exist() -> None:
    people = {user.id for user in scenario.TEAM if not user.bot}
    labels = {person.label for person in PEOPLE}
    assert all(alert.user in people and alert.label in labels for alert in scenario.ALERTS)
