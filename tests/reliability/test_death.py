"""Death at any step, and a loss of power at any moment: a sample of `scripts/reliability`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reliability import changing, death, outage, posting
from tests.reliability.disk import REFUSALS, hit
from tests.reliability.kernel import CHANGES, file_steps, talk_steps
from tests.reliability.sample import spread

if TYPE_CHECKING:
    from pathlib import Path

    from tests.reliability.brink import Brink
    from tests.reliability.power import Call


def test_a_pass_killed_at_a_step_loses_nothing(brink: Brink, tmp_path: Path) -> None:
    brink.begin()
    steps = file_steps(brink.env, tmp_path / "log", "fetch", calls=CHANGES)
    assert len(steps) > 50
    death.killed_at(brink, "killed", spread(steps, 3, seed=1)).check()


def test_a_pass_killed_as_slack_answers_repeats_one_message_at_most(brink: Brink) -> None:
    death.killed_by_services(brink, most=1).check()


def test_a_change_of_subscriptions_killed_at_a_step_is_made_or_not(
    brink: Brink, tmp_path: Path
) -> None:
    steps = changing.steps(brink, tmp_path / "log")
    assert len(steps) > 20
    changing.killed_at(brink, "killed", spread(steps, 3, seed=2)).check()


def test_a_change_by_post_is_made_or_not_and_said_as_it_is(brink: Brink, tmp_path: Path) -> None:
    site = posting.opened(brink)
    steps = posting.steps(site, tmp_path / "log")
    assert len(steps) > 15
    posting.killed_at(site, "killed", spread(steps, 2, seed=5)).check()
    refused = [(step, error) for error in REFUSALS for step in hit(steps, error)]
    posting.refused_at(site, "refused", spread(refused, 2, seed=6)).check()


def test_a_pass_killed_as_it_talks_to_the_driver_leaves_nothing(
    brink: Brink, tmp_path: Path
) -> None:
    brink.begin()
    steps = talk_steps(brink.env, tmp_path / "log", "fetch")
    assert len(steps) > 40
    death.killed_at(brink, "killed", spread(steps, 2, seed=7)).check()


def test_the_first_pass_of_all_outlives_a_loss_of_power(brink: Brink, tmp_path: Path) -> None:
    """The folder that it has made does, too."""
    outage.of_the_first_pass(brink, "outage", tmp_path / "log").check()


def test_a_pass_outlives_a_loss_of_power(brink: Brink, tmp_path: Path) -> None:
    outages = outage.of_a_pass(brink, tmp_path / "log")
    assert len(outages) > 100
    outage.survived(brink, "outage", spread(outages, 2, seed=3), tmp_path).check()


def test_a_change_of_subscriptions_outlives_a_loss_of_power(brink: Brink, tmp_path: Path) -> None:
    outages = outage.of_a_change(brink, tmp_path / "log")
    assert len(outages) > 20
    outage.changes_survived(brink, "outage", spread(outages, 3, seed=4), tmp_path).check()


def test_what_a_killed_pass_did_not_sync_is_synced_before_it_is_relied_on(
    brink: Brink, tmp_path: Path
) -> None:
    """Killed as soon as it had written its line of history; the power goes in the next pass."""

    def wrote_history(call: Call) -> bool:
        return call.name == "write" and "history" in call.path

    outage.after_a_kill(brink, "outage", tmp_path / "log", wrote_history).check()
