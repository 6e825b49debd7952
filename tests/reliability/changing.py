"""Changes of subscriptions, and what must hold of them after any fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reliability.kernel import CHANGES, file_steps
from tests.reliability.result import LostError, Result
from tests.reliability.scenario import CHLOE, load_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.reliability.kernel import Step
    from tests.reliability.scenario import TwoAccountScenario

CHANGE = ("subscribe", CHLOE, "bob", "--reset")


def trace_steps(scenario: TwoAccountScenario, log: Path) -> list[Step]:
    """Return the calls of a change that concern its files."""
    scenario.reset()
    return file_steps(scenario.env, log, *CHANGE, calls=CHANGES)


def kill_at_steps(scenario: TwoAccountScenario, fault: str, steps: Iterable[Step]) -> Result:
    """Kill the change before each of these steps."""
    result = Result(fault)
    for step in steps:
        with result.case(str(step)):
            scenario.reset()
            scenario.env.run(*CHANGE, under=step.killed())
            check_outcome(scenario)
    return result


def check_outcome(scenario: TwoAccountScenario) -> None:
    """Prove that the change was made or not, and is made when it is asked for again."""
    before = load_json(scenario.base / "subscriptions.json")
    after = expected_subscriptions(scenario)
    if load_json(scenario.data / "subscriptions.json") not in (before, after):
        raise LostError("subscriptions.json is neither the old one nor the new one")
    told = scenario.count_alerts().total()
    ran = scenario.env.run(*CHANGE)
    assert (ran.returncode, ran.stderr) == (0, "")
    if load_json(scenario.data / "subscriptions.json") != after:
        raise LostError("the change, or that of another")
    assert scenario.count_alerts().total() == told + 1, "no confirmation"
    scenario.check_tidy()


def expected_subscriptions(scenario: TwoAccountScenario) -> object:
    """Return what is in subscriptions.json once the change is made."""
    body = load_json(scenario.base / "subscriptions.json")
    body["users"][CHLOE]["accounts"]["bob"] = {"limitHit": True, "reset": True}
    return body
