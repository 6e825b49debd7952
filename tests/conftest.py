"""What every test may ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from cldmon.demo.claude import FakeClaude
from cldmon.demo.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATA = Path(__file__).parent / "data"

# A busy machine makes no test fail.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to write golden files anew, to be looked at with `git diff`."""
    parser.addoption("--write-golden", action="store_true", help="write the files of tests/data")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with what stands in tests/data below a name."""
    writes = request.config.getoption("--write-golden")

    def compare(name: str, text: str) -> None:
        file = DATA / name
        if writes:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")

    return compare


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
