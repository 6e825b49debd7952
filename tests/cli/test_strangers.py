"""Users who may not read the configuration or the data are told who may, and how."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.accounts import account
from tests.cli.stranger import NOBODY
from tests.env import PATIENCE, Env

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
IS_ROOT = os.geteuid() == 0
OWNER = pwd.getpwuid(1)
"""A user of every Linux; `daemon` of Debian."""
SUDO = f"sudo -u {OWNER.pw_name}" if IS_ROOT else "sudo"
READERS = {
    "status": 2,
    "history": 2,
    "guard alice": 2,
    "serve": 2,
    "fetch": 2,
    "subscribe --list": 2,
    "health": 1,
    "doctor --offline": 1,
}
"""Commands that read the configuration, each with the code with which it fails."""


@pytest.fixture
def env() -> Iterator[Env]:
    """An installation in a place that everyone may see, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="cldmon-", dir="/tmp"))
    folder.chmod(0o755)
    with Env(folder / "home") as env:
        env.write_config(labels=["alice"])
        env.save_snapshot(account("alice", 41))
        env.append_history(datetime.now(UTC), {"alice": {"fiveHour": 41}})
        env.config.chmod(0o644)
        yield env
    shutil.rmtree(folder)


def close(folder: Path) -> Path:
    """Make a folder with all in it another user's, and close it; return the folder to name.

    Only root can. For others, root's home takes its place: it is there, and closed.
    """
    if not IS_ROOT:
        return Path("/root")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, OWNER.pw_uid, OWNER.pw_gid)
    folder.chmod(0o750)
    return folder


def run(env: Env, words: str, folder: Path = Path("/"), **environ: str) -> tuple[int, str]:
    """Return how a command ends for a stranger, and what it prints, in one line."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.cli.stranger", *words.split()],
        cwd=folder,
        env={**env.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return ran.returncode, " ".join((ran.stdout + ran.stderr).split())


@pytest.mark.parametrize("words", READERS)
def test_a_closed_configuration_is_reported_with_the_command_to_try(env: Env, words: str) -> None:
    config = close(env.folder) / "config.toml"
    code, said = run(env, words, CLDMON_CONFIG=str(config))
    assert code == READERS[words]
    assert f"{config}: permission denied; try: {SUDO} cldmon {words}" in said


@pytest.mark.parametrize("words", READERS)
def test_closed_data_are_reported_with_the_command_to_try(env: Env, words: str) -> None:
    data = close(env.data)
    named = {} if IS_ROOT else {"CLDMON_DATA_DIR": str(data / "cldmon")}
    code, said = run(env, words, Path("/"), **named)
    failed = 69 if words == "guard alice" else 1
    assert code == (failed if IS_ROOT else READERS[words])
    assert str(data) in said
    assert f"ermission denied (try: {SUDO} cldmon {words})" in said.replace("; try:", " (try:")


def test_a_closed_configuration_is_not_taken_for_none(env: Env) -> None:
    """Where it is looked for without being named."""
    (env.folder / "xdg").mkdir()
    closed = close(env.folder / "xdg")
    code, said = run(env, "status", CLDMON_CONFIG="", XDG_CONFIG_HOME=str(closed))
    assert code == 2
    assert f"{closed}/cldmon/config.toml: permission denied; try: {SUDO} cldmon status" in said


def test_a_closed_working_folder_does_not_hide_a_configuration(env: Env) -> None:
    """Such as root's home, from which somebody runs `sudo -u cldmon`."""
    (env.folder / "cldmon").mkdir()
    shutil.move(env.config, env.folder / "cldmon")
    (env.folder / "closed").mkdir()
    # Others than root cannot even go there.
    folder = close(env.folder / "closed") if IS_ROOT else env.folder
    named = {"CLDMON_CONFIG": "", "XDG_CONFIG_HOME": str(env.folder)}
    code, said = run(env, "status", folder, CLDMON_DATA_DIR=str(env.folder), **named)
    assert (code, said) == (0, "cldmon: no readings yet; run `cldmon fetch`")


def test_ones_own_file_is_only_to_be_opened(env: Env) -> None:
    if IS_ROOT:
        os.chown(env.config, NOBODY, NOBODY)
    env.config.chmod(0)
    code, said = run(env, "status")
    advice = "check its owner and mode, or run as the user that owns it"
    assert (code, said) == (2, f"cldmon: {env.config}: permission denied; {advice}")
