"""A loss of power at any moment: a sample of `scripts/reliability power`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reliability import outage
from tests.reliability.sample import spread

if TYPE_CHECKING:
    from pathlib import Path

    from tests.reliability.command_channel import CommandScenario
    from tests.reliability.power import Call
    from tests.reliability.scenario import TwoAccountScenario


def test_the_first_pass_of_all_survives_a_loss_of_power(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    """The folder that it has made does, too."""
    outage.lose_power_in_first_pass(scenario, "outage", tmp_path / "log").check()


def test_a_pass_survives_a_loss_of_power(scenario: TwoAccountScenario, tmp_path: Path) -> None:
    outages = outage.trace_pass(scenario, tmp_path / "log")
    assert len(outages) > 100
    outage.lose_power_in_pass(scenario, "outage", spread(outages, 2, seed=3), tmp_path).check()


def test_a_pass_with_a_command_channel_survives_a_loss_of_power(
    commanded: CommandScenario, tmp_path: Path
) -> None:
    outages = outage.trace_pass(commanded, tmp_path / "log")
    assert len(outages) > 100
    outage.lose_power_in_pass(commanded, "outage", spread(outages, 2, seed=8), tmp_path).check()


def test_a_change_of_subscriptions_survives_a_loss_of_power(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    outages = outage.trace_change(scenario, tmp_path / "log")
    assert len(outages) > 20
    outage.lose_power_in_change(scenario, "outage", spread(outages, 2, seed=4), tmp_path).check()


def test_what_a_killed_pass_did_not_sync_is_synced_before_it_is_relied_on(
    scenario: TwoAccountScenario, tmp_path: Path
) -> None:
    """Killed as soon as it had written its line of history; the power goes in the next pass."""

    def wrote_history(call: Call) -> bool:
        return call.name == "write" and "history" in call.path

    outage.lose_power_after_kill(scenario, "outage", tmp_path / "log", wrote_history).check()
