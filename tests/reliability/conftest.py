"""One scenario for all cases of the suite; each resets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.reliability.command_channel import command_scenario
from tests.reliability.scenario import two_account_scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reliability.command_channel import CommandScenario
    from tests.reliability.scenario import TwoAccountScenario


@pytest.fixture(scope="session")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoAccountScenario]:
    """Two accounts whose next pass sends alerts, the real command, and a real browser."""
    with two_account_scenario(tmp_path_factory.mktemp("scenario")) as scenario:
        yield scenario


@pytest.fixture(scope="session")
def commanded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandScenario]:
    """The same, whose alerts go to a command."""
    with command_scenario(tmp_path_factory.mktemp("commanded")) as scenario:
        yield scenario
