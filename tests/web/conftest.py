"""A server on a real port, with everything behind it real but the time and Slack's service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes import Clock
from tests.web.house import House

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.simulation.slack import FakeSlack


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at noon."""
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """A server without Slack, as it is when first installed."""
    with House(tmp_path, clock) as house:
        yield house


@pytest.fixture
def slack_house(tmp_path: Path, clock: Clock, fake_slack: FakeSlack) -> Iterator[House]:
    """A server with Slack, where people log in by their name alone."""
    with House(tmp_path, clock, slack=fake_slack) as house:
        yield house


@pytest.fixture
def guarded_house(tmp_path: Path, clock: Clock, fake_slack: FakeSlack) -> Iterator[House]:
    """A server with Slack, where people log in by a code."""
    with House(tmp_path, clock, slack=fake_slack, login="code") as house:
        yield house
