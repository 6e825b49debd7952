"""Only a few modules read the clock of the machine; all others are given the time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from freezegun import freeze_time

from cldmon.app.app import App
from cldmon.cli.main import cli
from tests.cli.accounts import account
from tests.fakes import NOON

if TYPE_CHECKING:
    from tests.env import Env

PACKAGE = Path(__file__).resolve().parents[1] / "cldmon"
READS = re.compile(r"\bdatetime\.now\(|\btime\.time\(\)|\b(?:date|datetime)\.today\(")
READERS = {
    "app/app.py",
    "channels/slack/client.py",
    "demo/runner.py",
    "reporter/delivery.py",
    "reporter/main.py",
}
"""The clock of a process; Slack's default; the demo; a Retry-After."""


def test_only_these_modules_read_the_clock() -> None:
    modules = PACKAGE.rglob("*.py")
    found = {str(m.relative_to(PACKAGE)) for m in modules if READS.search(m.read_text("utf-8"))}
    assert found == READERS


def test_the_application_takes_the_time_of_the_machine() -> None:
    with freeze_time(NOON):
        assert App.from_options(None, None).now() == NOON


@pytest.mark.parametrize(
    ("command", "time"), [("status", "read 1 min ago"), ("health", "last fetched 2026-11-22T12:00")]
)
def test_a_command_uses_one_time_for_all_its_output(env: Env, command: str, time: str) -> None:
    """A frozen machine clock gives the same output as the injected clock."""
    env.write_config(labels=["alice"])
    with freeze_time(NOON):
        env.save_snapshot(account("alice", 41), at=NOON)
        frozen = CliRunner().invoke(cli, ["--config", str(env.config), command])
    injected = env.invoke(command)
    assert (frozen.exit_code, frozen.output) == (0, injected.output)
    assert time in frozen.output
