"""One account's fault is its own: a sample of what `scripts/reliability isolation` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.env import Env
from tests.reliability import isolation

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulation.claude import FakeClaude


def test_whatever_is_wrong_with_a_key_costs_its_account_alone(
    fake_claude: FakeClaude, tmp_path: Path
) -> None:
    env = Env(tmp_path / "home", fake_claude)
    isolation.block_keys(env, isolation.cases(tmp_path)).check()


def test_a_key_that_hangs_holds_up_no_other_account(
    fake_claude: FakeClaude, tmp_path: Path
) -> None:
    names = ["a program that will not be ended", "a program whose child keeps the pipe"]
    isolation.hang_keys(tmp_path, fake_claude, names).check()


def test_an_error_while_a_key_is_looked_up_costs_that_account_alone(tmp_path: Path) -> None:
    isolation.raise_in_lookup(tmp_path / "look-up", 5).check()


def test_an_error_while_an_account_is_read_costs_it_alone(
    fake_claude: FakeClaude, tmp_path: Path
) -> None:
    isolation.raise_in_reading(tmp_path, fake_claude, 61).check()
