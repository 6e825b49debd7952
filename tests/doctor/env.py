"""An installation in a folder, in whichever state a test puts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cldmon.app import App
from cldmon.doctor.installation import Installation
from cldmon.domain.model import Snapshot
from cldmon.store.state import State, StateFile
from tests.fakes import NOON, Clock

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-ant-sid01-MARKER-key"
TOKEN = "xoxb-MARKER-token"
ACCOUNT = f'[[accounts]]\nlabel = "alice"\nsession_key = "{KEY}"\n'


@dataclass
class DoctorEnv:
    """`config.toml` and `data` in a folder, a clock and environment variables."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def write(self, head: str = "", accounts: str = ACCOUNT, mode: int = 0o600) -> None:
        self.config.write_text(f'data_dir = "data"\n{head}\n{accounts}')
        self.config.chmod(mode)

    def save_state(self, state: State | None = None) -> None:
        """Save the state of a pass that has just ended."""
        self.data.mkdir(mode=0o700, exist_ok=True)
        StateFile(self.data).save(state or State(Snapshot(fetched_at=NOON)))

    def add_program(self, name: str, script: str) -> None:
        """Install a shell script as a program."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def add_unit(self, settings: str = "", name: str = "cldmon-fetch", **places: Path) -> None:
        """Install a user unit that runs passes, with more settings of the service."""
        config, data = places.get("config", self.config), places.get("data", self.data)
        folder = self.folder / ".config/systemd/user"
        folder.mkdir(parents=True, exist_ok=True)
        start = f"ExecStart=/bin/cldmon --config {config} --data-dir {data} fetch"
        (folder / f"{name}.service").write_text(f"[Service]\n{start}\n{settings}\n")

    def installation(self, *, offline: bool = True) -> Installation:
        return Installation(App(self.config, None, self.variables, self.clock), offline)
