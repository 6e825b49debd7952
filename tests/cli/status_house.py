"""Where `cldmon status` is run: a configuration, and what passes left."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cldmon.domain.model import Account, Reading, Snapshot, Window
from cldmon.store.state import State, StateFile

CLDMON = str(Path(sys.executable).with_name("cldmon"))
MINUTE = timedelta(minutes=1)
LINE = ("--format", "line")


@dataclass(frozen=True)
class Home:
    """A folder with a configuration and a data_dir."""

    folder: Path

    def configure(self, *labels: str, top: str = "") -> None:
        accounts = (f'[[accounts]]\nlabel = "{x}"\nsession_key_env = "KEY"\n' for x in labels)
        text = 'data_dir = "data"\n' + top + "".join(accounts)
        (self.folder / "config.toml").write_text(text, encoding="utf-8")

    def leave(self, *accounts: Account) -> None:
        """Leave what a pass of now leaves."""
        state = State(Snapshot(datetime.now(UTC), accounts))
        StateFile(self.folder / "data").save(state)

    def command(self, *arguments: str) -> list[str]:
        return [CLDMON, "--config", str(self.folder / "config.toml"), "status", *arguments]

    def env(self, **more: str) -> dict[str, str]:
        base = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        return base | {"TZ": "UTC"} | more

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.env(**env),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def out(self, *arguments: str, **env: str) -> str:
        """What is printed where all is well."""
        done = self.run(*arguments, **env)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


def account(label: str, percent: int, ago: timedelta = MINUTE) -> Account:
    now = datetime.now(UTC)
    windows = {
        "fiveHour": Window(percent, now + 90 * MINUTE),
        "sevenDay": Window(63, now + timedelta(days=3)),
    }
    return Account(label, Reading(now - ago, windows, plan="Pro"))


def at(folder: Path) -> Home:
    """Return the home of alice and bob in a folder, before their first pass."""
    home = Home(folder)
    (folder / "data").mkdir(mode=0o700)
    home.configure("alice", "bob")
    return home
