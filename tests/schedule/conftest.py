"""A machine for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.schedule.tools import Box

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path).equip()
