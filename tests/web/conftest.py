"""A server on a real port; only the time and Slack are simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes import Clock
from tests.web.in_process import InProcessServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.simulation.slack import FakeSlack


@pytest.fixture
def clock() -> Clock:
    """A clock that stays at noon."""
    return Clock()


@pytest.fixture
def server(tmp_path: Path, clock: Clock) -> Iterator[InProcessServer]:
    """A server without Slack, as first installed."""
    with InProcessServer(tmp_path, clock) as server:
        yield server


@pytest.fixture
def slack_server(tmp_path: Path, clock: Clock, fake_slack: FakeSlack) -> Iterator[InProcessServer]:
    """A server with Slack, where people log in with only their name."""
    with InProcessServer(tmp_path, clock, slack=fake_slack) as server:
        yield server


@pytest.fixture
def code_server(tmp_path: Path, clock: Clock, fake_slack: FakeSlack) -> Iterator[InProcessServer]:
    """A server with Slack, where people log in with a code."""
    with InProcessServer(tmp_path, clock, slack=fake_slack, login="code") as server:
        yield server
