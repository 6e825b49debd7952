"""Losses of power: what must hold for every state that a disk may be in afterwards."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from tests.reliability import changing
from tests.reliability.power import COMPILED, Disk, put, record
from tests.reliability.result import LostError, Result
from tests.reliability.scenario import EXPECTED_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from tests.reliability.power import Call, Image, Power
    from tests.reliability.scenario import TwoAccountScenario


@dataclass(frozen=True)
class Outage:
    """What a disk holds after a loss of power, and who had been told by then."""

    after: str
    image: Image
    told: tuple[tuple[str, str], ...]


def trace_pass(scenario: TwoAccountScenario, log: Path) -> list[Outage]:
    """Record a pass, and return the outages that may have ended it, each different."""
    scenario.reset()
    disk = Disk(scenario.data)
    calls = record(scenario.env, log, "fetch")
    told = [scenario.parse_alerts(message) for message in scenario.slack.sent]
    return _different(disk.play(calls), told)


def trace_change(scenario: TwoAccountScenario, log: Path) -> list[Outage]:
    """The same of a change of subscriptions."""
    scenario.reset()
    disk = Disk(scenario.data)
    return _different(disk.play(record(scenario.env, log, *changing.CHANGE)), [])


def _different(moments: Iterable[Power], told: Sequence[list[tuple[str, str]]]) -> list[Outage]:
    found: dict[tuple[Image, int], Outage] = {}
    for moment in moments:
        for image in sorted(moment.images, key=sorted):
            outage = Outage(moment.after, image, tuple(chain(*told[: moment.sent])))
            found.setdefault((image, moment.sent), outage)
    return [*found.values()]


def lose_power_in_pass(
    scenario: TwoAccountScenario, fault: str, outages: Iterable[Outage], folder: Path
) -> Result:
    """Make the next pass over what each outage left."""
    result = Result(fault)
    for number, outage in enumerate(outages):
        with result.case(f"after {outage.after}, image {number}"):
            scenario.reset(put(outage.image, folder / f"{number}"))
            scenario.check_recovery(Counter(outage.told))
    return result


def lose_power_in_change(
    scenario: TwoAccountScenario, fault: str, outages: Iterable[Outage], folder: Path
) -> Result:
    """Ask for the change once more over what each outage left."""
    result = Result(fault)
    for number, outage in enumerate(outages):
        with result.case(f"after {outage.after}, image {number}"):
            scenario.reset(put(outage.image, folder / f"{number}"))
            changing.check_outcome(scenario)
    return result


def lose_power_after_kill(
    scenario: TwoAccountScenario, fault: str, log: Path, where: Callable[[Call], bool]
) -> Result:
    """Kill a pass after each of its calls, then let the power go at any moment of the next one.

    `where` picks some of them. What the killed one wrote and never synced is still at risk then.
    Here the disk is looked at, and no third pass made.
    """
    result = Result(fault)
    scenario.reset()
    calls = record(scenario.env, log, "fetch")
    for number in (n for n, call in enumerate(calls) if where(call)):
        scenario.reset()
        disk = Disk(scenario.data)
        moments = [*disk.play(calls[: number + 1])]
        scenario.reset(put(disk.whole(), log.with_name(f"killed-{number}")))
        safe = {*scenario.began, *_list_commit_times(moments[-1].images)}
        for moment in disk.play(record(scenario.env, log, "fetch")):
            for image in moment.images:
                with result.case(f"killed after call {number}, power lost after {moment.after}"):
                    check_history(image, safe)
                    if safe > {*scenario.began}:
                        check_events(image)
    return result


def lose_power_in_first_pass(scenario: TwoAccountScenario, fault: str, log: Path) -> Result:
    """Let the power go once the first pass of all has ended: its folder is new, too."""
    result = Result(fault)
    scenario.reset()
    scenario.delete_data()
    *_, last = Disk(scenario.data).play(record(scenario.env, log, "fetch"))
    times = {line["timestamp"] for line in scenario.lines()}
    for image in last.images:
        with result.case(f"after {last.after}"):
            check_history(image, times)
    return result


def damage_code(scenario: TwoAccountScenario) -> Result:
    """Make a pass with what a loss of power may leave of the driver's compiled code."""
    result = Result("The driver's compiled code empty, truncated, zeroed or altered")
    damages: dict[str, Callable[[bytes], bytes]] = {
        "empty": lambda _code: b"",
        "cut": lambda code: code[: len(code) // 2],
        "zeroed": lambda code: bytes(len(code)),
        "changed": lambda code: code[:100] + code[:-100][::-1],
    }
    for name, damage in damages.items():
        with result.case(name):
            scenario.reset()
            codes = [
                path for path in (scenario.data / "browser" / COMPILED).rglob("*") if path.is_file()
            ]
            assert codes
            for path in codes:
                path.write_bytes(damage(path.read_bytes()))
            scenario.check_recovery()
    return result


def check_history(image: Image, times: set[int]) -> None:
    """Prove that the history holds these readings, or the state owes them to it."""
    files = dict(image)
    if "state.json" not in files:
        raise LostError("state.json")
    state = json.loads(files["state.json"])
    owed = [state["historyLine"].encode()]
    days = (content for name, content in image if name.startswith("history-"))
    found = {line["timestamp"] for line in _parse_lines([*owed, *b"\n".join(days).splitlines()])}
    if missing := times - found:
        raise LostError(f"the readings of {sorted(missing)}")


def check_events(image: Image) -> None:
    """Prove that the events files hold what happened, or the state still has to write it."""
    state = json.loads(dict(image)["state.json"])
    owed = [line.encode() for line in state["eventLines"]]
    days = b"\n".join(content for name, content in image if name.startswith("events-"))
    lines = [line for line in (*owed, *days.splitlines()) if line.endswith(b"}")]
    found = {(body["label"], body["event"]) for body in map(json.loads, lines)}
    if found != {*EXPECTED_EVENTS}:
        raise LostError(f"the events are {found}")


def _parse_lines(lines: Iterable[bytes]) -> Iterator[Any]:
    return (json.loads(line) for line in lines if line.endswith(b"]}"))


def _list_commit_times(images: Iterable[Image]) -> set[int]:
    """Return the commit that the state holds whatever part of it is there: it is safe."""
    commits = {json.loads(json.loads(dict(i)["state.json"])["historyLine"])["timestamp"]
               for i in images}  # fmt: skip
    return commits if len(commits) == 1 else set()
