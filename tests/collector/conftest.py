"""What the tests of the pass share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.collector.env import CollectorEnv

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def env(tmp_path: Path) -> CollectorEnv:
    """A data_dir with one account, alice, and one user, U1, who hears of everything."""
    env = CollectorEnv(tmp_path / "data")
    env.subscribe("U1")
    return env
