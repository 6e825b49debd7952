"""The data folder of a command: a mistyped one is an error, not an empty folder."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.accounts import account
from tests.env import CLDMON

if TYPE_CHECKING:
    from tests.env import Env

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
def env(env: Env) -> Env:
    env.write_config(labels=["alice", "bob"])
    env.save_snapshot(account("alice", 41), account("bob", 7))
    return env


@pytest.mark.parametrize("words", READERS.values(), ids=READERS)
def test_a_mistyped_data_folder_is_an_error_for_readers(env: Env, words: list[str]) -> None:
    typo = env.folder / "dtaa"
    ran = env.run("--data-dir", str(typo), *words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"cldmon: --data-dir: there is no folder {typo}")
    assert ran.stderr.count("\n") == 1
    assert not typo.exists()


def test_a_mistyped_data_folder_in_the_environment_is_an_error(env: Env) -> None:
    typo = env.folder / "dtaa"
    ran = env.run("status", environ={"CLDMON_DATA_DIR": str(typo)})
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"cldmon: CLDMON_DATA_DIR: there is no folder {typo}")
    assert not typo.exists()


def test_a_health_check_of_a_mistyped_folder_fails_and_is_unknown_to_monitoring(env: Env) -> None:
    typo = str(env.folder / "dtaa")
    ran = env.run("--data-dir", typo, "health")
    assert ran.returncode == 1
    assert f"--data-dir: there is no folder {typo}" in ran.stdout
    assert env.run("--data-dir", typo, "health", "--nagios").returncode == 3


def test_no_subscription_is_stored_in_a_mistyped_folder(env: Env) -> None:
    env.write_config(labels=["alice"], slack=True)
    typo = env.folder / "dtaa"
    ran = env.run("--data-dir", str(typo), "subscribe", "U0123456789", "alice", "--hit")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert not typo.exists()


def test_doctor_names_a_mistyped_folder(env: Env) -> None:
    typo = env.folder / "dtaa"
    ran = env.run("--data-dir", str(typo), "doctor", "--offline")
    assert ran.returncode == 1
    assert f"data folder: --data-dir: there is no folder {typo}" in " ".join(ran.stdout.split())


def test_a_folder_from_the_configuration_may_be_missing(env: Env) -> None:
    """The first pass creates it."""
    env.write_config(labels=["alice"])
    (env.data / "state.json").unlink()
    env.data.rmdir()
    ran = env.run("status")
    assert (ran.returncode, ran.stderr) == (0, "cldmon: no readings yet; run `cldmon fetch`\n")


def test_completion_is_silent_about_it(env: Env) -> None:
    environ = {
        "_CLDMON_COMPLETE": "bash_complete",
        "COMP_CWORD": "4",
        "CLDMON_DATA_DIR": "/nowhere",
    }
    words = "cldmon status --account a"
    ran = subprocess.run(
        [CLDMON],
        env={**env.environ, **environ, "COMP_WORDS": words, "COMP_CWORD": "3"},
        cwd=env.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    assert os.linesep.join(ran.stdout.split()) != ""
