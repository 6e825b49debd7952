"""Faults while `serve` receives a report: a sample of `scripts/reliability reports`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.reliability import reporting
from tests.reliability.disk import REFUSALS, select_steps
from tests.reliability.sample import spread

if TYPE_CHECKING:
    from pathlib import Path

    from tests.reliability.reporting import ReportServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> ReportServer:
    """A server for all cases; each resets it."""
    return reporting.open_server(tmp_path_factory.mktemp("reports"))


def test_a_report_is_kept_or_not_and_answered_as_it_is(
    server: ReportServer, tmp_path: Path
) -> None:
    steps = reporting.trace_steps(server, tmp_path / "log")
    assert len(steps) > 20
    reporting.kill_at_steps(server, "killed", spread(steps, 1, seed=1)).check()
    refused = [(step, error) for error in REFUSALS for step in select_steps(steps, error)]
    reporting.refuse_calls(server, "refused", spread(refused, 1, seed=2)).check()


@pytest.mark.parametrize("is_first", [True, False])
def test_an_accepted_report_survives_a_loss_of_power(
    server: ReportServer, tmp_path: Path, is_first: bool
) -> None:
    reporting.lose_power(server, "outage", tmp_path / "log", is_first=is_first).check()
