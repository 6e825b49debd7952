"""A running dashboard: the real server on files as passes leave them."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from cldmon.app.app import App
from cldmon.app.server import build_server
from cldmon.claude.organization import find_candidates
from cldmon.claude.usage import parse
from cldmon.domain.model import Account, Credits, Failure, FailureKind, Reading, Window
from cldmon.domain.windows import FIVE_HOUR, SEVEN_DAY
from tests import captures
from tests.env import Env

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cldmon.web.server import WebServer
    from tests.simulation.slack import FakeSlack

MINUTE = timedelta(minutes=1)
HOSTILE = "<img src=x onerror=alert(1)> \"'& 🦊 مرحبا"
"""A label that must stay text."""

EXPIRED = Failure(FailureKind.KEY_EXPIRED, "session key expired or revoked: sign in again")
LONG = "w" * 80
"""The longest label, without a place to break the line."""
LABELS = ("alice", "bob", "carol", "dave", "erin", HOSTILE, LONG)


def now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


def windows(session: int, week: int, *, at: datetime | None = None) -> dict[str, Window]:
    """Return a session that ends in 80 minutes, and a week that ends in four days."""
    at = at or now()
    return {
        FIVE_HOUR: Window(session, at + 80 * MINUTE),
        SEVEN_DAY: Window(week, at + timedelta(days=4)),
    }


def accounts(alice: int = 13) -> tuple[Account, ...]:
    """Return one account in each state: live, full, stale, in error, never read, and hostile.

    `alice` is how much of her session is used, in percent.
    """
    at = now()
    old = at - timedelta(hours=6)
    money = Credits(415, 2000, "EUR", 2)
    return (
        Account("alice", Reading(at, windows(alice, 33), "Max 20x")),
        Account("bob", Reading(at, windows(100, 92), "Pro", credits=money)),
        Account("carol", Reading(at - 40 * MINUTE, windows(50, 78), "Team")),
        Account("dave", Reading(old, windows(44, 42, at=old), "Max 5x"), EXPIRED),
        Account("erin", None),
        Account(LONG, None, Failure(FailureKind.SERVICE_DOWN, "the service is down")),
        Account(HOSTILE, Reading(at, {**windows(1, 2), "models.<b>Fable</b>": Window(3, None)})),
    )


def capture(name: str, *, at: datetime | None = None, failure: Failure | None = None) -> Account:
    """Return an account as a captured answer of the service makes it, read now or at `at`."""
    at = at or now()
    answers = captures.load(name, at)
    organization = find_candidates(answers["organizations"])[0]
    return Account(name, parse(answers["usage"], taken_at=at, organization=organization), failure)


class ServerFixture(Env):
    """An environment in which `cldmon serve` runs: from `with` to its end.

    `wrapper` is a command that runs the server. `startup_output` holds the lines that it
    writes before it listens.
    """

    process: subprocess.Popen[str]

    def __init__(
        self,
        folder: Path,
        slack: FakeSlack | None = None,
        top: str = "",
        labels: Sequence[str] = LABELS,
        wrapper: Sequence[str] = (),
    ) -> None:
        super().__init__(folder, slack=slack, labels=labels)
        self.top = top
        self.wrapper = wrapper
        self.startup_output: list[str] = []
        self.data.mkdir()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.server_port

    def complete_pass(self, *seen: Account, at: datetime | None = None) -> None:
        """Write the state of a pass that has ended now or at another time."""
        self.save_snapshot(*(seen or accounts()), at=at)

    def write_history(self, readings: Mapping[int, Mapping[str, tuple[int, int]]]) -> None:
        """Write history: minutes ago → label → session and week, in percent."""
        self.write_window_history(
            {
                minutes: {
                    label: {FIVE_HOUR: session, SEVEN_DAY: week}
                    for label, (session, week) in found.items()
                }
                for minutes, found in readings.items()
            }
        )

    def write_window_history(self, readings: Mapping[int, Mapping[str, Mapping[str, int]]]) -> None:
        """Write history: minutes ago → label → window → percent."""
        at = now()
        for minutes, found in sorted(readings.items(), reverse=True):
            self.append_history(at - minutes * MINUTE, found)

    def restart(self) -> None:
        """Start the server with the configuration as it is, and wait until it listens.

        Raises EOFError if it exits instead.
        """
        self.startup_output.clear()
        self.process = self.start("serve", under=self.wrapper, stdout=None).process
        assert self.process.stderr
        for line in self.process.stderr:
            if "serving http" in line:
                return
            self.startup_output.append(line)
        with self.process:
            raise EOFError(self.startup_output)

    def stop(self) -> None:
        """Stop the server, as a reboot would."""
        with self.process:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the server."""
        with self.process:
            self.process.kill()

    def __enter__(self) -> Self:
        self.write_config(f"port = {self.server_port}\n{self.top}", slack=self._slack is not None)
        self.restart()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        super().__exit__(*error)


class ThreadedServer(ServerFixture):
    """The same server in a thread of the tests, which starts sooner."""

    server: WebServer
    thread: threading.Thread

    def restart(self) -> None:
        self.server = build_server(App(self.config, None, self.environ, now))
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.005,))
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.end()
        self.thread.join()

    kill = stop
