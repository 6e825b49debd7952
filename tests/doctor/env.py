"""An installation in a folder, in any state that a test needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.doctor.installation import Installation
from cldmon.domain.model import Snapshot
from cldmon.store.state import State
from tests.env import Env, key_of
from tests.fakes import NOON

if TYPE_CHECKING:
    from pathlib import Path

KEY = key_of("alice")
TOKEN = "xoxb-MARKER-token"


class DoctorEnv(Env):
    """An environment for the checks, which run in this process."""

    def complete_pass(self) -> None:
        """Save the state of a pass that has just ended."""
        self.save_state(State(Snapshot(fetched_at=NOON)))

    def add_unit(self, settings: str = "", name: str = "cldmon-fetch", **places: Path) -> None:
        """Install a user unit that runs passes, with more settings of the service."""
        config, data = places.get("config", self.config), places.get("data", self.data)
        folder = self.folder / ".config/systemd/user"
        folder.mkdir(parents=True, exist_ok=True)
        start = f"ExecStart=/bin/cldmon --config {config} --data-dir {data} fetch"
        (folder / f"{name}.service").write_text(f"[Service]\n{start}\n{settings}\n")

    def installation(self, *, offline: bool = True) -> Installation:
        return Installation(self.app, offline)
