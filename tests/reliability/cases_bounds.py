"""Within bounds: what is too much for a server must cost whoever asks for it, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import confinement, damage
from tests.reliability import bounds, damaged, overgrown
from tests.reliability.sample import MOST, few

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.reliability.result import Result

ASKED = 200
TASKS = (8, 16, 32, 64, 128, 256, 512)


def run_cases(folder: Path) -> Iterator[Result]:
    """Make all of them."""
    print(f"limits of tasks and memory are set by {confinement.get_mechanism()}")
    yield bounds.limit_tasks(folder, few(TASKS))
    yield bounds.apply_load(_place(folder, "load"), visitors=64, rounds=MOST or 10)
    yield bounds.request_charts(_place(folder, "charts"), MOST or ASKED)
    yield bounds.request_long_answers(_place(folder, "answers"), MOST or ASKED)
    harms = {**damage.CONTENTS, **damage.PLACES}
    some = {name: harms[name] for name in few([*harms])}
    yield damaged.damage_files(_place(folder, "files"), some)
    fills = {name: overgrown.FILLS[name] for name in few([*overgrown.FILLS])}
    yield overgrown.grow_days(_place(folder, "days"), fills, asked=6)
    yield bounds.hold_locks(_place(folder, "locks"), MOST or 50)


def _place(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir()
    return place
