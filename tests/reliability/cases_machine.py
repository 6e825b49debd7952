"""A faulty machine: its clock, its memory, and too many at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests import confinement
from tests.reliability import machine
from tests.reliability.scenario import two_account_scenario

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
    with two_account_scenario(folder / "scenario") as scenario:
        yield machine.run_passes_at_once(scenario, 50)
        yield machine.run_changes_at_once(scenario, 50)
        yield machine.shift_clock(scenario, machine.SHIFTS)
        yield machine.change_time_zone(scenario, ZONES)
        yield machine.cross_dst(scenario, CHANGES)
        yield machine.limit_memory(scenario, LIMITS)
        if confinement.get_mechanism() == "cgroup":
            yield machine.kill_for_memory(scenario, ROOMS)
        else:
            print("no out-of-memory killer: memory cgroups cannot be made here; try it as root")
