"""The fixtures for these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cldmon.schedule.install import Cron, Systemd
from tests.schedule.tools import OTHERS, FakeMachine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path).install_programs()


@pytest.fixture
def systemd(machine: FakeMachine) -> Systemd:
    return Systemd(machine.places, machine.system)


@pytest.fixture
def crontab(machine: FakeMachine) -> Cron:
    machine.crontab.write_text(OTHERS)
    return Cron(None, machine.system)
