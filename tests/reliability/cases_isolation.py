"""One account's fault in the midst of others, to the full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.env import Env
from tests.reliability import isolation
from tests.simulation.claude import FakeClaude

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.reliability.result import Result


def run_cases(folder: Path) -> Iterator[Result]:
    """Yield the counts of each class."""
    with FakeClaude() as claude:
        planted = folder / "planted"
        planted.mkdir()
        env = Env(folder / "home", claude)
        yield isolation.block_keys(env, isolation.cases(planted))
        yield isolation.hang_keys(folder, claude, isolation.HANGING)
        yield isolation.raise_in_lookup(folder / "look-up", 1)
        yield isolation.raise_in_reading(folder / "reading", claude, 1)
