"""Losses of power: all that a disk may hold after each call of a pass and of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reliability import outage
from tests.reliability.command_channel import command_scenario
from tests.reliability.sample import few
from tests.reliability.scenario import two_account_scenario

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.reliability.result import Result


def run_cases(folder: Path) -> Iterator[Result]:
    """Make all of them."""
    log, changes, passes = folder / "log", folder / "changes", folder / "passes"
    changes.mkdir()
    passes.mkdir()
    with two_account_scenario(folder / "scenario") as scenario:
        yield outage.lose_power_in_first_pass(scenario, "Power lost after the very first pass", log)
        yield outage.lose_power_in_change(
            scenario,
            "Power lost at any moment of a change of subscriptions",
            few(outage.trace_change(scenario, log)),
            changes,
        )
        yield outage.damage_code(scenario)
        yield outage.lose_power_after_kill(
            scenario,
            "SIGKILL after a pass has written state or history, then power lost in the next",
            log,
            lambda call: call.name == "write" and "browser" not in call.path,
        )
        with command_scenario(folder / "command") as commanded:
            yield outage.lose_power_in_pass(
                commanded,
                "Power lost at any moment of a pass with a command channel",
                few(outage.trace_pass(commanded, log)),
                folder / "command",
            )
        yield outage.lose_power_in_pass(
            scenario,
            "Power lost at any moment of a pass",
            few(outage.trace_pass(scenario, log)),
            passes,
        )
