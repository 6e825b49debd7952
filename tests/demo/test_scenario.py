"""The story of the demo, as a table: it holds together and tells what it promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from cldmon.claude.organization import find_candidates
from cldmon.claude.usage import parse
from cldmon.demo import scenario
from cldmon.demo.scenario import PEOPLE, STORY
from cldmon.domain.events import EventKind, WindowAlerts
from cldmon.domain.model import Credits
from cldmon.domain.subscriptions import Subscription
from cldmon.domain.windows import duration
from cldmon.notifications.detection import ResetRule, Rules, detect

if TYPE_CHECKING:
    from cldmon.demo.scenario import Person
from cldmon.domain.model import Reading

END = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
everybody = pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.label)


def readings(person: Person) -> list[Reading]:
    """Return what cldmon understands of an account's good answers, oldest first."""
    found = []
    [organization] = find_candidates([person.organization.as_json()])
    for moment in STORY:
        answer = moment.answers[person.label]
        if isinstance(answer, scenario.Use):
            at = END + timedelta(minutes=moment.minute)
            body = person.usage(answer, moment.minute, END)
            found.append(parse(body, taken_at=at, organization=organization))
    assert all(found)
    return [reading for reading in found if reading]


def list_messages_to(person: Person) -> list[tuple[EventKind, str | None]]:
    told: list[tuple[EventKind, str | None]] = []
    state: dict[str, WindowAlerts] = {}
    for reading in readings(person):
        found, state = detect(
            person.label, state, reading.windows, at=reading.taken_at, rules=Rules(ResetRule.ZERO)
        )
        told += [(event.kind, event.window) for event in found]
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
    listed = [each.as_json() for each in person.account(person.key, {}).organizations]
    assert [each.uuid for each in find_candidates(listed)] == [person.organization.uuid]


def test_the_four_plans_are_distinguished() -> None:
    plans = [find_candidates([person.organization.as_json()])[0].plan for person in PEOPLE]
    assert plans == ["Ultra", "Pro", "Team", "Max"]


@everybody
def test_every_part_of_the_answers_is_understood(person: Person) -> None:
    assert {reading.ignored for reading in readings(person)} == {0}


def test_alice_has_no_session_and_a_weekly_limit_for_one_model() -> None:
    assert {tuple(r.windows) for r in readings(scenario.ALICE)} == {("sevenDay", "models.Fable")}
    assert readings(scenario.ALICE)[-1].windows["models.Fable"].utilization == 41


def test_alices_credit_is_used_up_in_the_middle_and_no_alert_follows() -> None:
    used = [pool.utilization or 0 for r in readings(scenario.ALICE) for pool in r.pools]
    assert len(used) == len(STORY)
    assert used[0] < 100 == used[-1]
    assert used == sorted(used)
    assert list_messages_to(scenario.ALICE) == []
    assert scenario.ALERTS["U01ALICE", "alice"] == Subscription(limit_hit=True, reset=True)


def test_only_alice_has_a_saved_reset() -> None:
    last = {person.label: readings(person)[-1].saved_resets for person in PEOPLE}
    saved = last.pop("alice")
    assert saved
    assert saved.left == 1
    assert saved.ends_at
    assert saved.ends_at > END
    assert set(last.values()) == {None}


def test_bob_hits_the_limit_of_his_session_once_and_pays_beyond_it() -> None:
    assert list_messages_to(scenario.BOB) == [(EventKind.LIMIT_HIT, "fiveHour")]
    extra = readings(scenario.BOB)[-1].credits
    assert extra
    assert (extra.used, extra.limit, extra.currency) == (415, 2000, "EUR")


def test_carols_organization_has_run_out_of_credits() -> None:
    assert readings(scenario.CAROL)[-1].credits == Credits(
        49860, 50000, "EUR", 2, enabled=False, reason="out_of_credits", shared=True
    )


def test_carols_session_resets_across_an_outage_and_then_rests() -> None:
    assert list_messages_to(scenario.CAROL) == [(EventKind.USAGE_RESET, "fiveHour")]
    answers = [moment.answers["carol"] for moment in STORY]
    assert [a for a in answers if not isinstance(a, scenario.Use)] == [scenario.OUTAGE]
    assert readings(scenario.CAROL)[-1].windows["fiveHour"].resets_at is None


def test_daves_key_ends_in_the_middle_and_stays_so() -> None:
    failing = [moment.answers["dave"] == scenario.KEY_EXPIRED for moment in STORY]
    assert failing == sorted(failing)
    assert 3 <= sum(failing) < len(STORY) - 2


def test_alerts_go_from_accounts_that_exist_to_people_who_exist() -> None:
    people = {user.id for user in scenario.TEAM if not user.bot}
    labels = {person.label for person in PEOPLE}
    assert all(user in people and label in labels for user, label in scenario.ALERTS)
    assert all(user in people and label in labels for label, user in scenario.OWNERS.items())
