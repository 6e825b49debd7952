"""A dashboard that runs: the real `cldmon serve` on files as passes leave them, and a way in."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cldmon.claude.organization import find_candidates
from cldmon.claude.usage import parse
from cldmon.demo.slack import TOKEN
from cldmon.domain.model import (
    FIVE_HOUR,
    SEVEN_DAY,
    Account,
    Credits,
    Failure,
    FailureKind,
    Reading,
    Snapshot,
    Window,
)
from cldmon.store import history
from cldmon.store.history import History
from cldmon.store.state import State, StateFile
from cldmon.store.subscriptions import SubscriptionsFile
from tests import captures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.simulation.slack import FakeSlack

CLDMON = str(Path(sys.executable).with_name("cldmon"))
INTERVAL = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)
HOSTILE = "<img src=x onerror=alert(1)> \"'& 🦊 مرحبا"
"""A label that would be more than text, if it were let."""

EXPIRED = Failure(FailureKind.KEY_EXPIRED, "session key expired or revoked: sign in again")
LONG = "w" * 80
"""As long as a label may be, without a place to break it."""
LABELS = ("alice", "bob", "carol", "dave", "erin", HOSTILE, LONG)


def now() -> datetime:
    """Return the time, as the server and the browser have it."""
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


@dataclass
class ServerFixture:
    """A configuration, its data, and the server on them: from `with` to its end.

    `wrapper` are words before the server's command line.
    """

    folder: Path
    slack: FakeSlack | None = None
    top: str = ""
    labels: tuple[str, ...] = LABELS
    wrapper: Sequence[str] = ()
    startup_output: list[str] = field(default_factory=list)
    port: int = field(init=False)

    def __post_init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.data.mkdir(parents=True)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def subscriptions(self) -> SubscriptionsFile:
        return SubscriptionsFile(self.data)

    def complete_pass(self, *found: Account, at: datetime | None = None) -> None:
        """Leave behind what a pass would that has ended now, or at another time."""
        snapshot = Snapshot(at or now(), found or accounts(), INTERVAL)
        StateFile(self.data).save(State(snapshot=snapshot))

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
            named = {
                label: {name: Window(percent, None) for name, percent in percents.items()}
                for label, percents in found.items()
            }
            History(self.data).ensure(history.format_line(at - minutes * MINUTE, named))

    def start(self) -> None:
        """Start the server, and wait until it listens."""
        self.configure()
        self.restart()

    def restart(self) -> None:
        """Start the server with the configuration as it is.

        `startup_output` holds the lines that it writes before it listens.
        Raises EOFError if it exits instead.
        """
        self.startup_output.clear()
        self.process = subprocess.Popen(
            [*self.wrapper, CLDMON, "serve"],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr
        for line in self.process.stderr:
            if "serving http" in line:
                return
            self.startup_output.append(line)
        with self.process:
            raise EOFError(self.startup_output)

    def stop(self) -> None:
        """End the server, as a reboot would."""
        with self.process:
            self.process.send_signal(signal.SIGTERM)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.process.kill()

    def configure(self) -> None:
        """Write the configuration."""
        url, slack = "", ""
        if self.slack:
            url = f'slack_url = "{self.slack.url}"\n'
            slack = f'[notifications.slack]\nenabled = true\nbot_token = "{TOKEN}"\n'
        entries = "".join(
            f"[[accounts]]\nlabel = {_quoted(label)}\nsession_key = 'sk-ant-sid01-no-{n}'\n"
            for n, label in enumerate(self.labels)
        )
        config = self.folder / "config.toml"
        config.write_text(
            f'data_dir = "data"\nport = {self.port}\n{self.top}{url}{slack}\n{entries}',
            encoding="utf-8",
        )
        config.chmod(0o600)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
