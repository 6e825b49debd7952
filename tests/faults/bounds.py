"""What is bounded for a server: its threads and memory, days of history, waits, damaged files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.confinement import of_unit
from tests.faults.attack_http import slow_crowd
from tests.faults.siege import besieged, got
from tests.faults.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

UNIT = of_unit("cldmon-serve.service")


def few_threads(folder: Path, allowed: Iterable[int]) -> Tally:
    """Let the server have so many tasks; 256 is what its unit gave it once."""
    tally = Tally("answers to others during 600 slow connections, with too few threads")
    for tasks in allowed:
        place = folder / f"{tasks}-tasks"
        place.mkdir()
        with besieged(place, replace(UNIT, tasks=tasks)) as siege:
            for moment in slow_crowd(siege):
                with tally.trial(f"{tasks} tasks, {moment}"):
                    assert siege.sent(got("/healthz"))[0].status == 200
    return tally
