"""Death at any step, and a loss of power at any moment: a sample of `scripts/reliability`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reliability import changing, death, outage, posting
from tests.reliability.command_channel import command_scenario
from tests.reliability.disk import REFUSALS, select_steps
from tests.reliability.kernel import CHANGES, file_steps, talk_steps
from tests.reliability.sample import spread

if TYPE_CHECKING:
    from pathlib import Path

    from tests.reliability.power import Call
    from tests.reliability.scenario import TwoAccountScenario


def test_a_pass_killed_at_a_step_loses_nothing(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    scenario.reset()
    steps = file_steps(scenario.env, tmp_path / "log", "fetch", calls=CHANGES)
    assert len(steps) > 50
    death.kill_at_steps(scenario, "killed", spread(steps, 3, seed=1)).check()


def test_a_pass_with_a_command_channel_killed_at_a_step_loses_nothing(tmp_path: Path) -> None:
    with command_scenario(tmp_path / "command") as scenario:
        scenario.reset()
        steps = file_steps(scenario.env, tmp_path / "log", "fetch", calls=CHANGES)
        assert len(steps) > 50
        death.kill_at_steps(scenario, "killed", spread(steps[-30:], 3, seed=3)).check()


def test_a_pass_killed_as_slack_answers_repeats_one_message_at_most(
    scenario: TwoAccountScenario,
) -> None:
    death.kill_by_services(scenario, most=1).check()


def test_a_change_of_subscriptions_killed_at_a_step_is_made_or_not(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    steps = changing.trace_steps(scenario, tmp_path / "log")
    assert len(steps) > 20
    changing.kill_at_steps(scenario, "killed", spread(steps, 3, seed=2)).check()


def test_a_change_by_post_is_made_or_not_and_said_as_it_is(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    site = posting.open_site(scenario)
    steps = posting.trace_steps(site, tmp_path / "log")
    assert len(steps) > 15
    posting.kill_at_steps(site, "killed", spread(steps, 2, seed=5)).check()
    refused = [(step, error) for error in REFUSALS for step in select_steps(steps, error)]
    posting.refuse_calls(site, "refused", spread(refused, 2, seed=6)).check()


def test_a_pass_killed_as_it_talks_to_the_driver_leaves_nothing(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    scenario.reset()
    steps = talk_steps(scenario.env, tmp_path / "log", "fetch")
    assert len(steps) > 40
    death.kill_at_steps(scenario, "killed", spread(steps, 2, seed=7)).check()


def test_the_first_pass_of_all_outlives_a_loss_of_power(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    """The folder that it has made does, too."""
    outage.lose_power_in_first_pass(scenario, "outage", tmp_path / "log").check()


def test_a_pass_outlives_a_loss_of_power(scenario: TwoAccountScenario, tmp_path: Path) -> None:
    outages = outage.trace_pass(scenario, tmp_path / "log")
    assert len(outages) > 100
    outage.lose_power_in_pass(scenario, "outage", spread(outages, 2, seed=3), tmp_path).check()


def test_a_pass_with_a_command_channel_outlives_a_loss_of_power(tmp_path: Path) -> None:
    with command_scenario(tmp_path / "command") as scenario:
        outages = outage.trace_pass(scenario, tmp_path / "log")
        assert len(outages) > 100
        outage.lose_power_in_pass(scenario, "outage", spread(outages, 2, seed=8), tmp_path).check()


def test_a_change_of_subscriptions_outlives_a_loss_of_power(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    outages = outage.trace_change(scenario, tmp_path / "log")
    assert len(outages) > 20
    outage.lose_power_in_change(scenario, "outage", spread(outages, 3, seed=4), tmp_path).check()


def test_what_a_killed_pass_did_not_sync_is_synced_before_it_is_relied_on(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    """Killed as soon as it had written its line of history; the power goes in the next pass."""

    def wrote_history(call: Call) -> bool:
        return call.name == "write" and "history" in call.path

    outage.lose_power_after_kill(scenario, "outage", tmp_path / "log", wrote_history).check()
