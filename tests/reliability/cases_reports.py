"""Faults while `serve` receives a report: death and errors at each step, losses of power."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reliability import disk, reporting
from tests.reliability.sample import few

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.reliability.result import Result


def run_cases(folder: Path) -> Iterator[Result]:
    """Make all of them."""
    server = reporting.open_server(folder / "reports")
    steps = reporting.trace_steps(server, folder / "log")
    yield reporting.kill_at_steps(
        server, "SIGKILL of `serve` before each file operation of a report", few(steps)
    )
    refused = [(step, error) for error in disk.REFUSALS for step in disk.select_steps(steps, error)]
    yield reporting.refuse_calls(
        server, "each error at each file operation of a report that may give it", few(refused)
    )
    for is_first, which in ((True, "the first report of all"), (False, "a report")):
        yield reporting.lose_power(
            server,
            f"Power lost at any moment of {which}",
            folder / f"power-{is_first}",
            is_first=is_first,
        )
