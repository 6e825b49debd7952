"""Fixtures and settings for all tests."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests import namespaces
from tests.env import Env
from tests.heartbeat import Heartbeat
from tests.simulation.claude import FakeClaude
from tests.simulation.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MEMORY = Path("/dev/shm")  # noqa: S108
ENOUGH_BYTES = 2 << 30
MISSING = pytest.StashKey[list[str]]()
DATA = Path(__file__).parent / "data"

# A busy machine makes no test fail.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that rewrites golden files, to be reviewed with `git diff`."""
    parser.addoption("--write-golden", action="store_true", help="write the files of tests/data")


def pytest_configure(config: pytest.Config) -> None:
    """Find out what this machine allows, once for all workers; name the tests that take long.

    Keep the tests' files in memory if there is room.
    """
    if hasattr(config, "workerinput"):
        return
    if _has_room(MEMORY):
        # On a disk, many tests spend most of their time in fsync.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    config.stash[MISSING] = namespaces.examine(config.add_cleanup)
    if config.getoption("numprocesses", None):  # else its thread would be where tests fork
        config.pluginmanager.register(Heartbeat(lambda words: print(f"\n{words}", file=sys.stderr)))


def _has_room(folder: Path) -> bool:
    """Return whether the tests can have their files and programs in a folder."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize > ENOUGH_BYTES and not found.f_flag & os.ST_NOEXEC


def pytest_report_header(config: pytest.Config) -> Sequence[str]:
    """Say once what the tests have to do without."""
    return config.stash.get(MISSING, [])


@pytest.fixture(scope="session", autouse=True)
def _signals_that_reach_children() -> None:
    """Let what the tests start be ended by Ctrl-C and the end of a terminal.

    A shell has Ctrl-C ignored for what it starts in its background, and nohup the other: that would
    be inherited. A handler is not, and here it does as little.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a file of tests/data."""
    writes = request.config.getoption("--write-golden")

    def compare(name: str, text: str) -> None:
        file = DATA / name
        if writes:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    """An environment without a configuration."""
    with Env(tmp_path / "home") as env:
        yield env


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
