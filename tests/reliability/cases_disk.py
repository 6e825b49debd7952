"""A sick disk: each error at each call that may give it, and file systems full or closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reliability import disk, posting
from tests.reliability.brink import on_the_brink
from tests.reliability.changing import CHANGE
from tests.reliability.sample import few

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.reliability.result import Result


def run_cases(folder: Path) -> Iterator[Result]:
    """Make all of them."""
    with on_the_brink(folder / "brink") as brink:
        yield disk.read_only(brink, [("fetch",), CHANGE, ("health",)])
        yield disk.crammed(brink)
        yield disk.full(brink, folder, range(3))
        steps = disk.steps(brink, folder / "log")
        for error in disk.REFUSALS:
            yield disk.refused(brink, error, few(disk.hit(steps, error)))
        site = posting.opened(brink)
        steps = posting.steps(site, folder / "log")
        yield posting.refused_at(
            site,
            "each of these errors at each file operation of a change by POST",
            few([(step, error) for error in disk.REFUSALS for step in disk.hit(steps, error)]),
        )
