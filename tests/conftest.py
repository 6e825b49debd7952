"""What every test may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from cldmon.demo.claude import FakeClaude
from cldmon.demo.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Iterator

# A busy machine makes no test fail.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.fixture
def fake_claude() -> Iterator[FakeClaude]:
    """A simulated claude.ai without accounts."""
    with FakeClaude() as claude:
        yield claude


@pytest.fixture
def fake_slack() -> Iterator[FakeSlack]:
    """A simulated Slack workspace with `PEOPLE` in it."""
    with FakeSlack() as slack:
        yield slack
