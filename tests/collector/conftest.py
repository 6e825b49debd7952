"""What the tests of the pass share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.collector.house import House

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A data_dir with one account, alice, and one user, U1, who hears of everything."""
    house = House(tmp_path / "data")
    house.subscribe("U1")
    return house
