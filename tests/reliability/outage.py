"""Losses of power: what must hold of whatever a disk may hold afterwards."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.reliability import changing
from tests.reliability.power import COMPILED, Disk, put, record
from tests.reliability.result import LostError, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from tests.reliability.brink import Brink
    from tests.reliability.power import Call, Image, Power


@dataclass(frozen=True)
class Outage:
    """What a disk holds after a loss of power, and who had been told by then."""

    after: str
    image: Image
    told: tuple[tuple[str, str], ...]


def of_a_pass(brink: Brink, log: Path) -> list[Outage]:
    """Record a pass, and return the outages that may have ended it, each different."""
    brink.begin()
    disk = Disk(brink.data)
    calls = record(brink.env, log, "fetch")
    told = [brink.who_and_what(message) for message in brink.slack.sent]
    return _different(disk.play(calls), told)


def of_a_change(brink: Brink, log: Path) -> list[Outage]:
    """The same of a change of subscriptions."""
    brink.begin()
    disk = Disk(brink.data)
    return _different(disk.play(record(brink.env, log, *changing.CHANGE)), [])


def _different(moments: Iterable[Power], told: Sequence[tuple[str, str]]) -> list[Outage]:
    found: dict[tuple[Image, int], Outage] = {}
    for moment in moments:
        for image in sorted(moment.images, key=sorted):
            outage = Outage(moment.after, image, tuple(told[: moment.sent]))
            found.setdefault((image, moment.sent), outage)
    return [*found.values()]


def survived(brink: Brink, fault: str, outages: Iterable[Outage], folder: Path) -> Result:
    """Make the next pass over what each outage left."""
    result = Result(fault)
    for number, outage in enumerate(outages):
        with result.case(f"after {outage.after}, image {number}"):
            brink.begin(put(outage.image, folder / f"{number}"))
            brink.survived(Counter(outage.told))
    return result


def changes_survived(brink: Brink, fault: str, outages: Iterable[Outage], folder: Path) -> Result:
    """Ask for the change once more over what each outage left."""
    result = Result(fault)
    for number, outage in enumerate(outages):
        with result.case(f"after {outage.after}, image {number}"):
            brink.begin(put(outage.image, folder / f"{number}"))
            changing.settles(brink)
    return result


def after_a_kill(brink: Brink, fault: str, log: Path, where: Callable[[Call], bool]) -> Result:
    """Kill a pass after each of its calls, then let the power go at any moment of the next one.

    `where` picks some of them. What the killed one wrote and never synced is still at risk then.
    Here the disk is looked at, and no third pass made.
    """
    result = Result(fault)
    brink.begin()
    calls = record(brink.env, log, "fetch")
    for number in (n for n, call in enumerate(calls) if where(call)):
        brink.begin()
        disk = Disk(brink.data)
        moments = [*disk.play(calls[: number + 1])]
        brink.begin(put(disk.whole(), log.with_name(f"killed-{number}")))
        safe = {*brink.began, *_always(moments[-1].images)}
        for moment in disk.play(record(brink.env, log, "fetch")):
            for image in moment.images:
                with result.case(f"killed after call {number}, power lost after {moment.after}"):
                    remembers(image, safe)
    return result


def of_the_first_pass(brink: Brink, fault: str, log: Path) -> Result:
    """Let the power go once the first pass of all has ended: its folder is new, too."""
    result = Result(fault)
    brink.begin()
    brink.vanish()
    *_, last = Disk(brink.data).play(record(brink.env, log, "fetch"))
    times = {line["timestamp"] for line in brink.lines()}
    for image in last.images:
        with result.case(f"after {last.after}"):
            remembers(image, times)
    return result


def code_damaged(brink: Brink) -> Result:
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
            brink.begin()
            codes = [
                path for path in (brink.data / "browser" / COMPILED).rglob("*") if path.is_file()
            ]
            assert codes
            for path in codes:
                path.write_bytes(damage(path.read_bytes()))
            brink.survived()
    return result


def remembers(image: Image, times: set[int]) -> None:
    """Prove that the history holds these readings, or the state owes them to it."""
    files = dict(image)
    if "state.json" not in files:
        raise LostError("state.json")
    owed = [json.loads(files["state.json"])["historyLine"].encode()]
    days = (content for name, content in image if name.startswith("history-"))
    found = {line["timestamp"] for line in _whole([*owed, *b"\n".join(days).splitlines()])}
    if missing := times - found:
        raise LostError(f"the readings of {sorted(missing)}")


def _whole(lines: Iterable[bytes]) -> Iterator[Any]:
    return (json.loads(line) for line in lines if line.endswith(b"]}"))


def _always(images: Iterable[Image]) -> set[int]:
    """Return the commit that the state holds whatever part of it is there: it is safe."""
    commits = {json.loads(json.loads(dict(i)["state.json"])["historyLine"])["timestamp"]
               for i in images}  # fmt: skip
    return commits if len(commits) == 1 else set()
