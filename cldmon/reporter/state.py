"""The state file: what is known about each account, and how reporting it went. It has no token."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from cldmon import files
from cldmon.config.locate import find_xdg_folder
from cldmon.domain.instants import format_iso, from_iso
from cldmon.domain.percent import to_finite
from cldmon.reporter.readings import Progress, Reading, correct_clock
from cldmon.reporter.status_line import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

_LOCK_SECONDS = 0.2
"""How long to wait for another status line, which holds the lock for a few milliseconds."""


class State(NamedTuple):
    """This machine's random id, and the progress of each account by label."""

    machine: str
    accounts: dict[str, Progress]


class StateFile:
    """The state of one person, in a folder of its own; reading it takes no lock."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.folder = find_xdg_folder("XDG_STATE_HOME", ".local/state", env) / "cldmon-report"
        self.path = self.folder / "state.json"

    def load(self, now: datetime) -> State:
        """Return the state; a new one if there is none or it is damaged. Raises `StoreError`."""
        try:
            body = json.loads(files.read(self.path) or b"{}")
            accounts = {
                label: correct_clock(_from_json(each), now)
                for label, each in body.get("accounts", {}).items()
            }
            return State(_check_machine(body.get("machine")), accounts)
        except (
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ):
            return State(_create_machine(), {})

    def change(self, label: str, now: datetime, make: Callable[[Progress], Progress]) -> State:
        """Replace the progress of one account; return the state. Raises `StoreError`.

        Nothing is locked or written if `make` returns what it is given.
        """
        state = self.load(now)
        known = state.accounts.get(label)
        if known is not None and make(known) is known:
            return state
        files.create_private_dir(self.folder)
        with files.lock(self.folder / "lock", wait=_LOCK_SECONDS):
            state = self.load(now)
            state.accounts[label] = make(state.accounts.get(label, Progress()))
            self._save(state)
        return state

    def _save(self, state: State) -> None:
        body = {
            "machine": state.machine,
            "accounts": {label: _to_json(each) for label, each in state.accounts.items()},
        }
        # Not synced: that takes long on some disks, and what a loss of power costs is read again.
        content = json.dumps(body, default=format_iso).encode()
        files.replace(self.path, content, durable=False)


def _create_machine() -> str:
    return os.urandom(8).hex()


def _check_machine(found: object) -> str:
    """Return a machine's id if it is one, or else a new one: a server would refuse the report."""
    is_ours = isinstance(found, str) and re.fullmatch("[0-9a-f]{16}", found)
    return str(found) if is_ours else _create_machine()


def _to_json(progress: Progress) -> dict[str, Any]:
    sessions = {name: _pack(each) for name, each in progress.sessions.items()}
    sent = _pack(progress.sent) if progress.sent else None
    return {**progress._asdict(), "sessions": sessions, "sent": sent}


def _from_json(body: dict[str, Any]) -> Progress:
    """Return the progress in a file; raises one of several errors if it is damaged."""
    return Progress(
        to=str(body["to"]),
        sessions={name: _unpack(each) for name, each in body["sessions"].items()},
        sent=_unpack(body["sent"]) if body["sent"] else None,
        sent_at=from_iso(body["sent_at"]),
        attempted_at=from_iso(body["attempted_at"]),
        retry_at=from_iso(body["retry_at"]),
        error=str(body["error"]) if body["error"] else None,
        account_hash=str(body["account_hash"]) if body["account_hash"] else None,
    )


def _pack(reading: Reading) -> dict[str, Any]:
    return {**reading._asdict(), "windows": [window.to_json() for window in reading.windows]}


def _unpack(body: dict[str, Any]) -> Reading:
    windows = tuple(
        Window(str(each["name"]), int(each["utilization"]), from_iso(each["resetsAt"]))
        for each in body["windows"]
    )
    return Reading(windows, to_finite(body["api_ms"]), from_iso(body["read_at"]))
