"""A server that receives reports, and people's machines that send them."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cldmon.demo.server import Request, Route, json_response
from cldmon.domain.instants import format_iso
from tests.env import Env, wait_until
from tests.reporter.documents import make_document
from tests.simulation.server import FaultyServer

if TYPE_CHECKING:
    import subprocess

    from cldmon.demo.server import Reply
    from tests.simulation.faults import Fault

TOKEN = "MARKER-token-of-alice"


class Receiver(FaultyServer):
    """Accepts every report, but for its faults."""

    def __init__(self, *planned: Fault, **options: Any) -> None:
        super().__init__((Route("report", "/api/report", self.receive),), **options)
        for fault in planned:
            self.faults.add(None, fault, 1)

    def receive(self, _request: Request) -> Reply:
        return json_response({"ok": True})

    def bodies(self, count: int = 1) -> list[Any]:
        """Return the reports so far, of which there will be `count`."""
        return [json.loads(each.body) for each in self.wait_for_requests(count)]


class Machine(Env):
    """The machine of a person; `to` is where it reports what `label` uses."""

    def __init__(self, folder: Path, to: str, label: str = "alice") -> None:
        super().__init__(folder, environ={"CLDMON_REPORT_TOKEN": TOKEN})
        self.to = to
        self.label = label
        self.state_file = folder / ".local" / "state" / "cldmon-report" / "state.json"

    def show(self, document: bytes | None = None, *words: str, **options: Any) -> str:
        """Show the status line as Claude Code does; it must succeed. Return what it shows."""
        ran = self.report(*words, stdin_bytes=document, **options)
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout

    def report(
        self, *words: str, stdin_bytes: bytes | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run `cldmon report` for this account, by default on a document of now."""
        document = make_document(now=datetime.now(UTC)) if stdin_bytes is None else stdin_bytes
        stdin = self.folder / "stdin"
        stdin.write_bytes(document)
        with stdin.open("rb") as file:
            target = ("--to", self.to, "--account", self.label)
            return self.run("report", *target, *words, **{"stdin": file, **options})

    @property
    def progress(self) -> Any:
        """What is known about the account; empty before anything is."""
        try:
            return json.loads(self.state_file.read_bytes())["accounts"][self.label]
        except (OSError, KeyError):
            return {}

    def wait_for(self, key: str) -> Any:
        """Return a value of the progress once there is one."""
        wait_until(lambda: self.progress.get(key))
        return self.progress[key]

    def forget_attempts(self, seconds: float = 3600) -> None:
        """Make the last attempt, and what was sent, so many seconds old.

        A sender that still runs would take that as due: wait until it has ended.
        """
        wait_until(lambda: not self._is_sending())
        body = json.loads(self.state_file.read_bytes())
        progress = body["accounts"][self.label]
        at = format_iso(datetime.now(UTC) - timedelta(seconds=seconds))
        for key in ("attempted_at", "sent_at"):
            progress[key] = progress[key] and at
        progress["retry_at"] = None
        self.state_file.write_text(json.dumps(body))

    def _is_sending(self) -> bool:
        words = {b"--send", self.to.encode()}
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has ended meanwhile
                if words <= set(process.read_bytes().split(b"\0")):
                    return True
        return False
