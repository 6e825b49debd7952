"""A sick machine: its clock, its memory, and too many at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests import confinement
from tests.reliability import machine
from tests.reliability.brink import on_the_brink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.reliability.result import Result

MEBIBYTE = 1024
LIMITS = [
    *(("v", size * MEBIBYTE) for size in (100, 10_000)),
    *(("d", size * MEBIBYTE) for size in (1, 10, 50, 100, 200)),
]
ROOMS = (20, *range(30, 200, 10))
"""MiB for all of a pass: from what Python alone takes to what all take together."""

CHANGES = [datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2027, 3, 28, 1, tzinfo=UTC)]
ZONES = ("UTC", "Europe/Berlin", "Etc/GMT+12", "Pacific/Kiritimati", "UTC")


def run_cases(folder: Path) -> Iterator[Result]:
    """Make all of them."""
    with on_the_brink(folder / "brink") as brink:
        yield machine.passes_at_once(brink, 50)
        yield machine.changes_at_once(brink, 50)
        yield machine.clocks(brink, machine.SHIFTS)
        yield machine.time_zones(brink, ZONES)
        yield machine.summer_time(brink, CHANGES)
        yield machine.starved(brink, LIMITS)
        if confinement.means() == "cgroup":
            yield machine.killed_for_memory(brink, ROOMS)
        else:
            print("no out-of-memory killer: memory cgroups cannot be made here; try it as root")
