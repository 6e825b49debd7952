"""Changes of subscriptions, and what must hold of them after any fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reliability.brink import CHLOE, whole
from tests.reliability.kernel import CHANGES, file_steps
from tests.reliability.result import LostError, Result

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.reliability.brink import Brink
    from tests.reliability.kernel import Step

CHANGE = ("subscribe", CHLOE, "bob", "--reset")


def steps(brink: Brink, log: Path) -> list[Step]:
    """Return the calls of a change that concern its files."""
    brink.begin()
    return file_steps(brink.env, log, *CHANGE, calls=CHANGES)


def killed_at(brink: Brink, fault: str, steps: Iterable[Step]) -> Result:
    """Kill the change before each of these steps."""
    result = Result(fault)
    for step in steps:
        with result.case(str(step)):
            brink.begin()
            brink.env.run(*CHANGE, under=step.killed())
            settles(brink)
    return result


def settles(brink: Brink) -> None:
    """Prove that the change was made or not, and is made when it is asked for again."""
    before = whole(brink.base / "subscriptions.json")
    after = changed(brink)
    if whole(brink.data / "subscriptions.json") not in (before, after):
        raise LostError("subscriptions.json is neither the old one nor the new one")
    told = brink.told().total()
    ran = brink.env.run(*CHANGE)
    assert (ran.returncode, ran.stderr) == (0, "")
    if whole(brink.data / "subscriptions.json") != after:
        raise LostError("the change, or that of another")
    assert brink.told().total() == told + 1, "no confirmation"
    brink.is_tidy()


def changed(brink: Brink) -> object:
    """Return what is in subscriptions.json once the change is made."""
    body = whole(brink.base / "subscriptions.json")
    body["users"][CHLOE]["accounts"]["bob"] = {"limitHit": True, "reset": True}
    return body
