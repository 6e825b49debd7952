"""Which data folder a command means: one that somebody mistyped is an error, not an empty one."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli import status_house
from tests.cli.status_house import CLDMON, account

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.status_house import Home
    from tests.simulation.slack import FakeSlack

READERS = {
    "status": ["status"],
    "line": ["status", "--format", "line"],
    "json": ["status", "--json"],
    "watch": ["status", "--watch"],
    "chart": ["history"],
    "history as json": ["history", "--json"],
    "history as csv": ["history", "--format", "csv"],
    "one account": ["history", "--format", "csv", "--account", "alice"],
    "subscriptions": ["subscribe", "--list", "--json"],
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = status_house.at(tmp_path)
    home.leave(account("alice", 41), account("bob", 7))
    return home


def run(home: Home, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CLDMON, "--config", str(home.folder / "config.toml"), *words],
        env=home.env(**env),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", READERS.values(), ids=READERS)
@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_mistyped_data_folder_is_an_error_for_readers(
    home: Home, words: list[str], by: str
) -> None:
    typo = home.folder / "dtaa"
    if by == "option":
        ran = run(home, "--data-dir", str(typo), *words)
        named = f"--data-dir: there is no folder {typo}"
    else:
        ran = run(home, *words, CLDMON_DATA_DIR=str(typo))
        named = f"CLDMON_DATA_DIR: there is no folder {typo}"
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"cldmon: {named}")
    assert ran.stderr.count("\n") == 1
    assert not typo.exists()


def test_a_health_check_fails_and_monitoring_is_told_that_it_could_not_be_made(home: Home) -> None:
    typo = str(home.folder / "dtaa")
    ran = run(home, "--data-dir", typo, "health")
    assert ran.returncode == 1
    assert f"--data-dir: there is no folder {typo}" in ran.stdout
    assert run(home, "--data-dir", typo, "health", "--nagios").returncode == 3


def test_no_subscription_is_lost_in_a_mistyped_folder(home: Home, fake_slack: FakeSlack) -> None:
    slack = f'[notifications.slack]\nenabled = true\nbot_token = "{fake_slack.token}"\n'
    home.configure("alice", top=f'slack_url = "{fake_slack.url}"\n{slack}')
    typo = home.folder / "dtaa"
    ran = run(home, "--data-dir", str(typo), "subscribe", "U0123456789", "alice", "--hit")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert not typo.exists()


def test_doctor_names_a_mistyped_folder(home: Home) -> None:
    typo = home.folder / "dtaa"
    ran = run(home, "--data-dir", str(typo), "doctor", "--offline")
    assert ran.returncode == 1
    assert f"data folder: --data-dir: there is no folder {typo}" in " ".join(ran.stdout.split())


def test_a_folder_that_the_configuration_names_may_not_be_there_yet(home: Home) -> None:
    """The first pass makes it."""
    home.configure("alice", top="")
    (home.folder / "data" / "state.json").unlink()
    (home.folder / "data").rmdir()
    ran = run(home, "status")
    assert (ran.returncode, ran.stderr) == (0, "cldmon: nothing was read yet; run `cldmon fetch`\n")


def test_completion_says_nothing_of_it(home: Home) -> None:
    env = {"_CLDMON_COMPLETE": "bash_complete", "COMP_CWORD": "4", "CLDMON_DATA_DIR": "/nowhere"}
    words = "cldmon status --account a"
    ran = subprocess.run(
        [CLDMON],
        env={**home.env(**env), "COMP_WORDS": words, "COMP_CWORD": "3"},
        cwd=home.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    assert os.linesep.join(ran.stdout.split()) != ""
