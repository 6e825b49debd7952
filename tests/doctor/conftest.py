"""The fixture for the doctor's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.doctor.env import DoctorEnv

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def env(tmp_path: Path) -> DoctorEnv:
    """A valid configuration, and no data yet."""
    env = DoctorEnv(tmp_path)
    env.environ = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}
    env.write_config(labels=["alice"])
    return env
