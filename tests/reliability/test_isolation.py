"""One account's fault is its own: a sample of what `scripts/reliability isolation` does."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from cldmon.config.secrets import run_program
from tests.env import Env, key_of
from tests.reliability import isolation

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulation.claude import FakeClaude


def test_a_key_that_is_wrong_in_any_way_affects_only_its_account(
    fake_claude: FakeClaude, tmp_path: Path
) -> None:
    env = Env(tmp_path / "home", fake_claude)
    isolation.block_keys(env, isolation.build_quick_cases(tmp_path)).check()


@pytest.mark.parametrize("name", isolation.HANGING)
def test_a_program_that_hangs_is_given_up_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    """As in a pass, where it has ten seconds."""
    env = Env(tmp_path / "home")
    command = ["/bin/sh", "-c", isolation.HANGING[name].format(key=key_of("bad"))]
    with pytest.raises(subprocess.TimeoutExpired):
        run_program(command, env.environ, env.folder, timeout=0.3)
    assert env.leftovers() == []


def test_a_key_that_hangs_holds_up_no_other_account(
    fake_claude: FakeClaude, tmp_path: Path
) -> None:
    names = ["a program that will not be ended", "a program whose child keeps the pipe"]
    isolation.hang_keys(tmp_path, fake_claude, names).check()


def test_an_error_while_a_key_is_looked_up_affects_only_that_account(tmp_path: Path) -> None:
    isolation.raise_in_lookup(tmp_path / "look-up", 5).check()


def test_an_error_while_an_account_is_read_affects_only_that_account(
    fake_claude: FakeClaude, tmp_path: Path
) -> None:
    isolation.raise_in_reading(tmp_path, fake_claude, 71).check()
