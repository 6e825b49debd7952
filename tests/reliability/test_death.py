"""Death at any step: a sample of `scripts/reliability death`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reliability import changing, death, posting
from tests.reliability.disk import REFUSALS, select_steps
from tests.reliability.kernel import CHANGES, file_steps, talk_steps
from tests.reliability.many_channels import many_channels_scenario
from tests.reliability.sample import spread

if TYPE_CHECKING:
    from pathlib import Path

    from tests.reliability.command_channel import CommandScenario
    from tests.reliability.scenario import TwoAccountScenario


def test_a_pass_killed_at_a_step_loses_nothing(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    scenario.reset()
    steps = file_steps(scenario.env, tmp_path / "log", "fetch", calls=CHANGES)
    assert len(steps) > 50
    death.kill_at_steps(scenario, "killed", spread(steps, 2, seed=1)).check()


def test_a_pass_with_a_command_channel_killed_at_a_step_loses_nothing(
    commanded: CommandScenario, tmp_path: Path
) -> None:
    commanded.reset()
    steps = file_steps(commanded.env, tmp_path / "log", "fetch", calls=CHANGES)
    assert len(steps) > 50
    death.kill_at_steps(commanded, "killed", spread(steps[-30:], 2, seed=3)).check()


def test_a_pass_with_three_channels_killed_as_it_delivers_loses_nothing(tmp_path: Path) -> None:
    with many_channels_scenario(tmp_path / "many") as scenario:
        death.kill_by_channels(scenario, channels=["hook"]).check()


def test_a_pass_killed_as_slack_answers_repeats_one_message_at_most(
    scenario: TwoAccountScenario,
) -> None:
    death.kill_by_services(scenario, most=1).check()


def test_a_change_of_subscriptions_killed_at_a_step_is_made_or_not(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    steps = changing.trace_steps(scenario, tmp_path / "log")
    assert len(steps) > 20
    changing.kill_at_steps(scenario, "killed", spread(steps, 2, seed=2)).check()


def test_a_change_by_post_is_made_or_not_and_said_as_it_is(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    site = posting.open_site(scenario)
    steps = posting.trace_steps(site, tmp_path / "log")
    assert len(steps) > 15
    posting.kill_at_steps(site, "killed", spread(steps, 1, seed=5)).check()
    refused = [(step, error) for error in REFUSALS for step in select_steps(steps, error)]
    posting.refuse_calls(site, "refused", spread(refused, 1, seed=6)).check()


def test_a_pass_killed_as_it_talks_to_the_driver_leaves_nothing(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    scenario.reset()
    steps = talk_steps(scenario.env, tmp_path / "log", "fetch")
    assert len(steps) > 40
    death.kill_at_steps(scenario, "killed", spread(steps, 1, seed=7)).check()
