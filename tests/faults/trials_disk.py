"""A sick disk: each error at each call that may give it, and file systems full or closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults import disk, posting
from tests.faults.brink import on_the_brink
from tests.faults.changing import CHANGE
from tests.faults.sample import few

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.tally import Tally


def trials(folder: Path) -> Iterator[Tally]:
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
