"""A faulty disk: each error at each call that may give it, and file systems full or closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reliability import disk, posting
from tests.reliability.changing import CHANGE
from tests.reliability.sample import few
from tests.reliability.scenario import two_account_scenario

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.reliability.result import Result


def run_cases(folder: Path) -> Iterator[Result]:
    """Make all of them."""
    with two_account_scenario(folder / "scenario") as scenario:
        yield disk.make_read_only(scenario, [("fetch",), CHANGE, ("health",)])
        yield disk.fill_temp_dir(scenario)
        yield disk.fill_disk(scenario, folder, range(3))
        steps = disk.trace_steps(scenario, folder / "log")
        for error in disk.REFUSALS:
            yield disk.refuse_calls(scenario, error, few(disk.select_steps(steps, error)))
        site = posting.open_site(scenario)
        steps = posting.trace_steps(site, folder / "log")
        yield posting.refuse_calls(
            site,
            "each of these errors at each file operation of a change by POST",
            few(
                [
                    (step, error)
                    for error in disk.REFUSALS
                    for step in disk.select_steps(steps, error)
                ]
            ),
        )
