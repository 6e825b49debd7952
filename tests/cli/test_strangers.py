"""Users who may not read the configuration or the data are told who may, and how."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.accounts import account
from tests.cli.stranger import NOBODY
from tests.env import Env

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


@dataclass(frozen=True)
class Stranger:
    """A program that runs commands as a user who owns nothing."""

    program: subprocess.Popen[str]

    def run(
        self, env: Env, words: str, folder: Path = Path("/"), **environ: str
    ) -> tuple[int, str]:
        """Return how a command ends, and what it prints, in one line."""
        assert self.program.stdin
        assert self.program.stdout
        request = [words.split(), str(folder), {**env.environ, **environ}]
        print(json.dumps(request), file=self.program.stdin, flush=True)
        code, said = json.loads(self.program.stdout.readline())
        return code, " ".join(said.split())


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    """One for all tests, since it imports everything first."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cli.stranger"],
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as program:
        yield Stranger(program)


@pytest.mark.parametrize("words", READERS)
def test_a_closed_configuration_is_reported_with_the_command_to_try(
    env: Env, stranger: Stranger, words: str
) -> None:
    config = close(env.folder) / "config.toml"
    code, said = stranger.run(env, words, CLDMON_CONFIG=str(config))
    assert code == READERS[words]
    assert f"{config}: permission denied; try: {SUDO} cldmon {words}" in said


@pytest.mark.parametrize("words", READERS)
def test_closed_data_are_reported_with_the_command_to_try(
    env: Env, stranger: Stranger, words: str
) -> None:
    data = close(env.data)
    named = {} if IS_ROOT else {"CLDMON_DATA_DIR": str(data / "cldmon")}
    code, said = stranger.run(env, words, Path("/"), **named)
    failed = 69 if words == "guard alice" else 1
    assert code == (failed if IS_ROOT else READERS[words])
    assert str(data) in said
    advice = f"ermission denied (try: {SUDO} cldmon {words})"
    if IS_ROOT and words.startswith("doctor"):
        advice = f"run this as that user: {SUDO} cldmon doctor"  # once, not for each file
    assert advice in said.replace("; try:", " (try:")


def test_a_closed_configuration_is_not_taken_for_none(env: Env, stranger: Stranger) -> None:
    """Where it is looked for without being named."""
    (env.folder / "xdg").mkdir()
    closed = close(env.folder / "xdg")
    code, said = stranger.run(env, "status", CLDMON_CONFIG="", XDG_CONFIG_HOME=str(closed))
    assert code == 2
    assert f"{closed}/cldmon/config.toml: permission denied; try: {SUDO} cldmon status" in said


def test_a_closed_working_folder_does_not_hide_a_configuration(
    env: Env, stranger: Stranger
) -> None:
    """Such as root's home, from which somebody runs `sudo -u cldmon`."""
    (env.folder / "cldmon").mkdir()
    shutil.move(env.config, env.folder / "cldmon")
    (env.folder / "closed").mkdir()
    # Others than root cannot even go there.
    folder = close(env.folder / "closed") if IS_ROOT else env.folder
    named = {"CLDMON_CONFIG": "", "XDG_CONFIG_HOME": str(env.folder)}
    code, said = stranger.run(env, "status", folder, CLDMON_DATA_DIR=str(env.folder), **named)
    assert (code, said) == (0, "cldmon: no readings yet; run `cldmon fetch`")


def test_ones_own_file_is_only_to_be_opened(env: Env, stranger: Stranger) -> None:
    if IS_ROOT:
        os.chown(env.config, NOBODY, NOBODY)
    env.config.chmod(0)
    code, said = stranger.run(env, "status")
    advice = "check its owner and mode, or run as the user that owns it"
    assert (code, said) == (2, f"cldmon: {env.config}: permission denied; {advice}")
