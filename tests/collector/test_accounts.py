"""What a pass keeps of each account, and whom it asks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.collector.collector import Collector, Target
from cldmon.domain.model import Failure, FailureKind
from cldmon.domain.secret import Secret
from cldmon.errors import PassFailedError, SecretError, StoreError, UsageError
from tests.collector.env import CollectorEnv
from tests.fakes import DOWN, NOON, rate_limited

if TYPE_CHECKING:
    from pathlib import Path

    from cldmon.collector.collector import Outcome


@pytest.fixture
def team(tmp_path: Path) -> CollectorEnv:
    """Three accounts, in an order that is not the alphabet's."""
    return CollectorEnv(tmp_path / "data", labels=("carol", "alice", "bob"))


def read_shown(outcome: Outcome) -> dict[str, int | None]:
    """The 5-hour percentages of a snapshot, by label in its order."""
    return {
        account.label: account.reading.windows["fiveHour"].utilization if account.reading else None
        for account in outcome.snapshot.accounts
    }


def list_asked(env: CollectorEnv) -> list[str]:
    """The labels that the last pass asked for."""
    labels = [question.label for question in env.source.asked]
    env.source.asked.clear()
    return labels


def test_accounts_stand_in_the_order_of_the_config(team: CollectorEnv) -> None:
    """In the snapshot and in the history line alike, whichever was read first."""
    assert list(read_shown(team.run())) == ["carol", "alice", "bob"]
    [line] = team.history
    assert [entry["label"] for entry in line["accounts"]] == ["carol", "alice", "bob"]
    team.labels = ("bob", "carol", "alice")
    assert list(read_shown(team.run())) == ["bob", "carol", "alice"]
    assert [entry["label"] for entry in team.history[-1]["accounts"]] == ["bob", "carol", "alice"]


def test_a_failed_account_keeps_its_last_good_reading_and_is_left_out_of_the_history(
    team: CollectorEnv,
) -> None:
    team.run({"alice": 42})
    read_at = team.clock.at
    outcome = team.run({"alice": DOWN})
    [alice] = outcome.failed
    assert (alice.label, alice.failure) == ("alice", DOWN)
    assert alice.reading is not None
    assert (alice.reading.taken_at, alice.reading.windows["fiveHour"].utilization) == (read_at, 42)
    assert [entry["label"] for entry in team.history[-1]["accounts"]] == ["carol", "bob"]
    assert team.state.counters == {"errors.service_down": 1}


def test_a_pass_over_some_accounts_keeps_the_others_readings(team: CollectorEnv) -> None:
    team.run({"carol": 1, "alice": 2, "bob": 3})
    outcome = team.run({"alice": 50}, only=["alice"])
    assert read_shown(outcome) == {"carol": 1, "alice": 50, "bob": 3}
    assert team.history[-1]["accounts"] == [{"label": "alice", "fiveHour": 50}]


def test_a_pass_over_some_accounts_keeps_what_the_others_last_had(team: CollectorEnv) -> None:
    """A limit hit before and a reset after it are seen, although a pass lay between."""
    team.subscribe("U1", label="bob")
    team.run({"bob": 100})
    team.run(only=["alice"])
    team.run({"bob": 0})
    assert team.sent_alerts == ["U1: usage_reset bob fiveHour"]


def test_a_failed_account_that_another_pass_did_not_want_stays_failed(team: CollectorEnv) -> None:
    team.run({"bob": DOWN})
    outcome = team.run(only=["alice"])
    assert [a.label for a in outcome.snapshot.accounts if a.failure] == ["bob"]
    assert outcome.failed == []  # none of those that were to be read


def test_a_first_pass_over_one_account_shows_that_one_alone(team: CollectorEnv) -> None:
    assert read_shown(team.run(only=["bob"])) == {"bob": 10}


def test_an_account_removed_from_the_config_vanishes(team: CollectorEnv) -> None:
    """From the snapshot and from the state; when it is back, its first reading sends nothing."""
    team.subscribe("U1")
    team.run({"alice": 100})
    team.labels = ("carol", "bob")
    assert list(read_shown(team.run())) == ["carol", "bob"]
    assert list(team.state.account_states) == ["carol", "bob"]
    team.labels = ("alice",)
    team.run({"alice": 0})
    assert team.sent_alerts == []


def test_an_unknown_account_is_refused_before_anything_is_done(team: CollectorEnv) -> None:
    with pytest.raises(UsageError, match="no account 'dave' in the config; it has: carol, alice"):
        team.run(only=["alice", "dave"])
    assert list_asked(team) == []
    assert not team.data_dir.exists()


def test_progress_is_reported_for_every_account_that_was_wanted(team: CollectorEnv) -> None:
    """Of one without a key and of one that is left alone, too."""
    team.run({"carol": rate_limited(NOON + timedelta(hours=1))})
    heard: list[str] = []
    team.collector().run(done=heard.append)
    assert sorted(heard) == ["alice", "bob", "carol"]


def test_a_rate_limited_account_is_left_alone_until_then(team: CollectorEnv) -> None:
    """Across passes; its failure stays shown, with the time, and nothing is counted twice."""
    until = NOON + timedelta(minutes=35)
    team.run({"bob": rate_limited(until)})
    list_asked(team)
    for _ in range(2):
        outcome = team.run()
        assert list_asked(team) == ["carol", "alice"]
        [bob] = outcome.failed
        assert bob.failure is not None
        assert bob.failure.retry_at == until
    assert team.state.counters == {"errors.rate_limited": 1}
    assert team.run().failed == []
    assert list_asked(team) == ["carol", "alice", "bob"]
    assert team.state.account_states["bob"].retry_at is None


def test_a_rate_limit_that_ends_at_once_blocks_nobody(team: CollectorEnv) -> None:
    team.run({"bob": rate_limited(NOON + timedelta(minutes=10))})
    list_asked(team)
    team.run()
    assert "bob" in list_asked(team)


def test_a_rate_limited_account_is_not_left_alone_for_ever_when_the_clock_was_wrong(
    team: CollectorEnv,
) -> None:
    """The limit was noted with a clock that ran years ahead, and was set right since."""
    team.clock.at = NOON.replace(year=2099)
    team.run({"bob": rate_limited(team.clock.at + timedelta(hours=1))})
    team.clock.at = NOON
    list_asked(team)
    team.run()
    assert "bob" in list_asked(team)


def fail_look_up(env: CollectorEnv, error: Exception) -> Failure:
    """Return how alice fails whose key's look-up raises an error; bob is read beside her."""

    def look_up() -> Secret:
        raise error

    collector = Collector(
        env.data_dir,
        [Target("alice", look_up), Target("bob", lambda: Secret("sk-ant-sid01-bob"))],
        env.source,
        {},
        now=env.clock,
        settings=env.settings,
    )
    outcome = collector.run()
    assert list_asked(env) == ["bob"]
    [alice] = outcome.failed
    assert alice.failure is not None
    return alice.failure


def test_an_account_without_a_key_is_not_asked_and_says_why(env: CollectorEnv) -> None:
    missing = "alice.key is not there: write the session key into it"
    failure = fail_look_up(env, SecretError(missing))
    assert failure == Failure(FailureKind.KEY_MISSING, missing)


@pytest.mark.parametrize("error", [KeyError("x"), RecursionError(), MemoryError(), StoreError("x")])
def test_an_error_that_nobody_foresaw_affects_only_the_account_in_which_it_happens(
    env: CollectorEnv, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    caplog.set_level("DEBUG", "cldmon")
    failure = fail_look_up(env, error)
    assert failure.kind is FailureKind.UNEXPECTED
    assert type(error).__name__ in failure.message
    assert "raise error" in caplog.text


def test_the_organization_is_looked_up_once_a_day_at_most(env: CollectorEnv) -> None:
    for _ in range(3 * 8):
        env.run(later=timedelta(hours=3))
    lookups = [question for question in env.source.asked if question.remembered is None]
    assert len(lookups) == 3
    assert env.state.account_states["alice"].organization is not None


def test_the_organization_is_looked_up_again_when_the_clock_was_set_back(env: CollectorEnv) -> None:
    """Else a choice made with a clock that ran ahead would hold until that day."""
    env.run(later=timedelta(days=900))
    env.run(later=timedelta(days=-900))
    assert env.source.asked[-1].remembered is None


def test_a_configured_organization_overrides_the_remembered_one(env: CollectorEnv) -> None:
    env.run()
    collector = Collector(
        env.data_dir,
        [Target("alice", lambda: Secret("sk-ant-sid01-alice"), "org-other")],
        env.source,
        {},
        now=env.clock,
        settings=env.settings,
    )
    collector.run()
    question = env.source.asked[-1]
    assert (question.organization, question.remembered) == ("org-other", None)


def test_a_label_that_means_another_organization_now_is_first_sight(env: CollectorEnv) -> None:
    """What the old one had last is no reading of the new one: nothing is announced."""
    env.run({"alice": {"fiveHour": 100, "models.Fable": 100}})
    env.keys["alice"] = "sk-ant-sid01-somebody-else"
    env.source.organizations["alice"] = "org-somebody-else"
    env.run({"alice": 0})
    env.run({"alice": {"fiveHour": 0, "models.Fable": 0}})
    assert env.sent_alerts == []
    env.run({"alice": 100})
    assert env.sent_alerts == ["U1: limit_hit alice fiveHour"]


def test_a_key_that_is_replaced_changes_nothing_for_the_same_organization(
    env: CollectorEnv,
) -> None:
    """28 days after login a new key is needed: no reset may be missed over that."""
    env.run({"alice": 100})
    first = env.state.account_states["alice"].key
    env.keys["alice"] = "sk-ant-sid02-renewed"
    env.run({"alice": 0})
    assert env.sent_alerts == ["U1: usage_reset alice fiveHour"]
    second = env.state.account_states["alice"].key
    assert first is not None
    assert second is not None
    assert first.fingerprint != second.fingerprint
    assert (first.since, second.since) == (
        env.clock.at - timedelta(minutes=10),
        env.clock.at,
    )


def test_the_age_of_a_key_counts_from_its_first_use(env: CollectorEnv) -> None:
    for _ in range(3):
        env.run()
    key = env.state.account_states["alice"].key
    assert key is not None
    assert key.since == NOON + timedelta(minutes=10)


def test_with_another_key_the_organization_is_looked_up_before_it_is_believed(
    env: CollectorEnv,
) -> None:
    """Also when the first pass with that key fails."""
    env.run()
    env.keys["alice"] = "sk-ant-sid01-somebody-else"
    env.run({"alice": DOWN})
    env.run()
    assert [question.remembered for question in env.source.asked] == [None, None, None]
    env.run()
    assert env.source.asked[-1].remembered is not None


def test_no_key_is_written_anywhere(env: CollectorEnv) -> None:
    env.run({"alice": 99})
    env.run({"alice": 100})
    files = [path for path in env.data_dir.rglob("*") if path.is_file()]
    assert files
    assert not any(b"sk-ant-" in path.read_bytes() for path in files)


def test_two_accounts_of_one_organization_are_said_once(team: CollectorEnv) -> None:
    team.source.organizations |= {"alice": "org-shared", "bob": "org-shared"}
    said = "alice and bob are one organization: they show the same usage"
    team.run()
    assert team.warnings == [said]
    for _ in range(3):
        team.run()
        assert team.warnings == []
    team.run({"bob": DOWN})
    team.labels = ("bob", "carol", "alice")
    team.run()
    assert team.warnings == []


def test_the_plans_name_follows_on_the_next_look_up(team: CollectorEnv) -> None:
    """Also where an older cldmon had another name for it: once a day."""
    team.source.plan = "Max 20x"
    team.run()
    team.source.plan = "Ultra"
    plans = []
    for hours in (1, 22, 1):
        [alice, *_] = team.run(later=timedelta(hours=hours)).snapshot.accounts
        plans.append(alice.reading and alice.reading.plan)
    assert plans == ["Max 20x", "Max 20x", "Ultra"]


def test_an_organization_is_the_same_however_it_is_spelt(team: CollectorEnv) -> None:
    team.source.organizations |= {"alice": "org-shared", "bob": "ORG-Shared"}
    team.run()
    assert len(team.warnings) == 1


def test_a_share_that_ends_and_begins_again_is_said_again(team: CollectorEnv) -> None:
    team.source.organizations |= {"alice": "org-shared", "bob": "org-shared"}
    team.run()
    team.source.organizations["bob"] = "org-bob"
    team.run()
    assert team.warnings == []
    team.source.organizations["bob"] = "org-shared"
    team.run()
    assert len(team.warnings) == 1


def test_a_pass_fails_if_no_account_could_be_read(team: CollectorEnv) -> None:
    team.run({"carol": DOWN, "alice": DOWN}).raise_if_failed()
    with pytest.raises(PassFailedError, match=r"^3 of 3 account\(s\) could not be read$"):
        team.run(dict.fromkeys(team.labels, DOWN)).raise_if_failed()


def test_a_strict_pass_fails_if_any_account_could_not_be_read(team: CollectorEnv) -> None:
    team.run().raise_if_failed(strict=True)
    with pytest.raises(PassFailedError, match=r"^1 of 3 account\(s\) could not be read$"):
        team.run({"carol": DOWN}).raise_if_failed(strict=True)


def test_a_pass_in_which_all_fail_still_counts_as_a_pass(team: CollectorEnv) -> None:
    """The history has its line, and the snapshot its time, so that a reader sees passes end."""
    outcome = team.run(dict.fromkeys(team.labels, DOWN))
    assert outcome.snapshot.fetched_at == team.clock.at
    assert team.raw_history[-1].endswith(b'"accounts":[]}')


def test_a_refusal_to_be_asked_for_saved_resets_is_remembered_for_a_day(team: CollectorEnv) -> None:
    """In the account's memory, also across a pass that fails."""
    team.source.refusing.add("bob")
    asked = []
    for hours in (0, 1, 22.9, 0.2, 1):
        team.run({"bob": DOWN} if hours == 1 else {}, later=timedelta(hours=hours))
        asked.append({q.label: q.saved_resets for q in team.source.asked[-3:]}["bob"])
    assert asked == [True, False, False, True, False]
    team.source.refusing.clear()
    team.run(later=timedelta(days=1))
    assert team.state.account_states["bob"].saved_resets_refused_at is None
    assert all(q.saved_resets for q in team.source.asked if q.label != "bob")
