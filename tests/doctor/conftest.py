"""What every test of the doctor may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.doctor.ward import Ward

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    """A ward with a good configuration and no data yet."""
    ward = Ward(tmp_path, env={"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)})
    ward.write()
    return ward
