"""The environment of a test: configuration, data_dir, services, and the command to run on them."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from click.testing import CliRunner

from cldmon.app.app import App
from cldmon.claude import apparmor
from cldmon.cli.log import show_log
from cldmon.cli.main import MODULES, cli
from cldmon.demo.claude import SimAccount, SimOrganization
from cldmon.domain.model import Snapshot, Window
from cldmon.store import history
from cldmon.store.history import History
from cldmon.store.state import State, StateFile
from cldmon.store.subscriptions import SubscriptionsFile
from tests import namespaces
from tests.fakes import Clock
from tests.simulation.claude import FakeClaude
from tests.simulation.slack import FakeSlack
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from click.testing import Result

    from cldmon.domain.events import Event
    from cldmon.domain.model import Account
    from tests.simulation.faults import Fault

CLDMON = str(Path(sys.executable).with_name("cldmon"))
SERVING = """
${CLDMON-cldmon} serve &
server=$!
until ${CLDMON-cldmon} health --serve; do kill -0 $server; done
kill $server
wait $server
"""
"""Serves until it answers, and no longer; in a shell that ends with the first failure."""
INTERVAL = timedelta(minutes=10)
PATIENCE = 60.0
"""Seconds after which a process is taken to hang."""


def key_of(label: str) -> str:
    """Return an account's session key: known by the word MARKER wherever it should not be."""
    name = re.sub(r"[^\w-]", "", label, flags=re.ASCII)
    return f"sk-ant-sid02-MARKER-{name}-aaaaaaaaaaaaaaaa"


def organization_of(label: str) -> str:
    """Return the uuid of an account's organization."""
    return f"{label.encode().hex():0>32.32}"


def restricted(folder: Path, *, as_root: bool) -> list[str]:
    """Return what starts a program as on an Ubuntu that keeps user namespaces from most.

    It sees the kernel's setting as it is there, and the profiles in `apparmor.d` of the folder, and
    it gets no namespace.
    """
    namespaces.require()
    (folder / "setting").write_text("1\n")
    (folder / "apparmor.d").mkdir(exist_ok=True)
    uid = "0" if as_root else "1000"
    return [
        *("bwrap", "--unshare-user", "--uid", uid, "--gid", uid, "--disable-userns"),
        *("--dev-bind", "/", "/"),
        *("--tmpfs", str(apparmor.RESTRICTION.parent)),
        *("--ro-bind", str(folder / "setting"), str(apparmor.RESTRICTION)),
        *("--ro-bind", str(folder / "apparmor.d"), str(apparmor.FOLDER)),
    ]


def free_port() -> int:
    """Return a port on which nothing listens.

    It lies below those that Linux gives to connections and to servers on any free port, so none of
    them takes it before it is used.
    """
    while True:
        port = secrets.choice(range(16_384, 32_768))
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextlib.contextmanager
def run_in_background(
    *argv: str | Path, environ: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a program, without its output, while the block runs."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(argv, env=environ, stdout=quiet, stderr=quiet) as process:
        try:
            yield
        finally:
            process.terminate()


def wait_until(true: Callable[[], object], *, within: float = PATIENCE) -> None:
    """Wait for a condition; fail if it does not come."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


class Env:
    """A folder with a configuration, a data_dir and the services that cldmon talks to.

    `claude` and `slack` are simulated services: those given, or new ones that start when they are
    first used and stop with `close`. `environ` is the environment of the processes that are
    started. A process that has not ended after `patience` seconds is taken to hang.

    The application takes its clock as an argument, so `app` and `invoke` are given `clock`.
    Freezing the machine's clock instead would stop the timeouts of threads and of the browser as
    well, and would not reach the processes that `run` and `start` create: these have the real
    time. tests/test_clock.py uses freezegun to check that nothing else reads the clock.
    """

    def __init__(
        self,
        folder: Path,
        claude: FakeClaude | None = None,
        slack: FakeSlack | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        labels: Sequence[str] = (),
        patience: float = PATIENCE,
    ) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.data = folder / "data"
        self.temporary = folder / "tmp"
        self.clock = Clock()
        self.labels = list(labels)
        self.patience = patience
        self._claude = claude
        self._slack = slack
        self._services = contextlib.ExitStack()
        for place in (self.folder, self.temporary):
            place.mkdir(parents=True, exist_ok=True)
        inherited = ("PATH", "CLDMON_BROWSER", "PLAYWRIGHT_BROWSERS_PATH")
        self.environ = {
            **{name: os.environ[name] for name in inherited if name in os.environ},
            "HOME": str(self.folder),
            "TMPDIR": str(self.temporary),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "CLDMON_CONFIG": str(self.config),
            **(environ or {}),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._services.close()

    @property
    def claude(self) -> FakeClaude:
        """The simulated claude.ai."""
        if self._claude is None:
            self._claude = self._services.enter_context(FakeClaude())
        return self._claude

    @property
    def slack(self) -> FakeSlack:
        """The simulated Slack."""
        if self._slack is None:
            self._slack = self._services.enter_context(FakeSlack())
        return self._slack

    # What is on disk.

    @property
    def state(self) -> Any:
        """The content of state.json."""
        return json.loads((self.data / "state.json").read_bytes())

    @property
    def accounts(self) -> dict[str, Any]:
        """The accounts of the last snapshot, by label."""
        return {each["label"]: each for each in self.state["snapshot"]["accounts"]}

    @property
    def history(self) -> list[Any]:
        """The lines of all history files, oldest first."""
        return [
            json.loads(line)
            for day in sorted(self.data.glob("history-*.jsonl"))
            for line in day.read_text(encoding="utf-8").splitlines()
        ]

    @property
    def subscriptions(self) -> SubscriptionsFile:
        """The subscriptions."""
        return SubscriptionsFile(self.data)

    def set_up(
        self,
        accounts: Mapping[str, Fault | None],
        top: str = "",
        tables: str = "",
        *,
        slack: bool = False,
    ) -> Env:
        """Add accounts to claude.ai, each with its fault, and write the configuration."""
        self.labels = list(accounts)
        for label, fault in accounts.items():
            organization = SimOrganization(organization_of(label))
            self.claude.add(SimAccount(key_of(label), (organization,), usage()))
            if fault:
                self.claude.fail(key_of(label), fault)
        return self.write_config(top, tables, slack=slack)

    def write_config(
        self,
        top: str = "",
        tables: str = "",
        *,
        labels: Sequence[str] | None = None,
        slack: bool = False,
    ) -> Env:
        """Write the configuration of the accounts, with more top-level keys and more tables.

        `labels` replaces the accounts, `slack` switches notifications on. A service is named in
        the configuration if it was given or used.
        """
        if labels is not None:
            self.labels = list(labels)
        if slack:
            tables += f'[notifications.slack]\nenabled = true\nbot_token = "{self.slack.token}"\n'
        head = 'data_dir = "data"\n'
        if self._claude:
            head += f'claude_url = "{self._claude.url}"\n'
        if self._slack:
            head += f'slack_url = "{self._slack.url}"\n'
        entries = "".join(
            f"[[accounts]]\nlabel = {json.dumps(label, ensure_ascii=False)}\n"
            f"session_key = {json.dumps(key_of(label))}\n"
            for label in self.labels
        )
        draft = self.folder / "config.draft"
        draft.write_text(f"{head}{top}\n{tables}\n{entries}", encoding="utf-8")
        draft.chmod(0o600)
        draft.replace(self.config)
        return self

    def save_snapshot(self, *accounts: Account, at: datetime | None = None) -> None:
        """Write the state that a pass ending now, or at another time, leaves."""
        self.save_state(State(Snapshot(at or datetime.now(UTC), accounts, INTERVAL)))

    def save_state(self, state: State) -> None:
        """Write state.json."""
        self.data.mkdir(mode=0o700, exist_ok=True)
        StateFile(self.data).save(state)

    def append_history(self, at: datetime, percents: Mapping[str, Mapping[str, int]]) -> None:
        """Append a line to the history: label → window → percent."""
        self.data.mkdir(mode=0o700, exist_ok=True)
        windows = {
            label: {name: Window(percent, None) for name, percent in named.items()}
            for label, named in percents.items()
        }
        History(self.data).ensure(history.format_line(at, windows))

    def append_event(self, event: Event) -> None:
        """Append an event to the events files."""
        History(self.data, "events").ensure(history.format_event_line(event, event.at))

    # Running programs.

    def add_program(self, name: str, script: str) -> Path:
        """Write a shell script into the folder `bin`, and return its path."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def run(
        self,
        *arguments: str,
        under: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        **options: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Run the installed command to its end.

        `under` is a program that starts it, `environ` adds to its environment.
        """
        return subprocess.run(
            [*under, CLDMON, *arguments],
            **{
                "env": {**self.environ, **(environ or {})},
                "cwd": self.folder,
                "capture_output": True,
                "encoding": "utf-8",
                "stdin": subprocess.DEVNULL,
                "timeout": self.patience,
                "check": False,
                **options,
            },
        )

    def output(self, *arguments: str, **options: Any) -> str:
        """Run the command, which must succeed in silence; return its output."""
        ran = self.run(*arguments, **options)
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout

    def start(
        self,
        *arguments: str,
        under: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Running:
        """Start the installed command in a process group of its own."""
        process = subprocess.Popen(
            [*under, CLDMON, *arguments],
            **{
                "env": {**self.environ, **(environ or {})},
                "cwd": self.folder,
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "encoding": "utf-8",
                "start_new_session": True,
                **options,
            },
        )
        return Running(process, self)

    def run_on_terminal(
        self, *arguments: str, under: Sequence[str] = (), environ: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Run the installed command on a terminal; return the exit code and what it shows."""
        ours, theirs = pty.openpty()
        with self.start(
            *arguments, under=under, environ=environ, stdout=theirs, stderr=theirs
        ) as running:
            os.close(theirs)
            shown = b""
            with contextlib.suppress(OSError):  # at its end
                while chunk := os.read(ours, 4096):
                    shown += chunk
            os.close(ours)
            return running.wait()[0], shown.decode()

    def invoke(self, *words: str, stdin: str | None = None, app: App | None = None) -> Result:
        """Run a command in this process, with the injected clock or another application."""
        name, *arguments = words
        command = import_module(f"cldmon.cli.{MODULES.get(name, name)}").command
        options = {"help_option_names": cli.context_settings["help_option_names"]}
        show_log()
        return CliRunner().invoke(command, arguments, stdin, obj=app or self.app, **options)

    @property
    def app(self) -> App:
        """The application on this configuration, with the injected clock."""
        return App(self.config, None, self.environ, self.clock)

    @cached_property
    def server_port(self) -> int:
        """A port for `cldmon serve`; the configuration names it only where a test writes it."""
        return free_port()

    @contextlib.contextmanager
    def serve(self) -> Iterator[Running]:
        """Run `cldmon serve` in the block, which begins once it listens."""
        with self.start("serve") as running:
            assert "serving http" in running.read_line()
            yield running

    def processes(self) -> dict[int, str]:
        """Return the command lines of the living processes that were started from here."""
        mark = f"HOME={self.folder}\0".encode()
        parents, commands = {}, {}
        for place in Path("/proc").glob("[0-9]*"):
            state, _, rest = _read(f"{place}/stat").rpartition(b") ")[2].partition(b" ")
            if rest and state != b"Z":
                parents[int(place.name)] = int(rest.split()[0])
                command = _read(f"{place}/cmdline").decode(errors="replace")
                commands[int(place.name)] = command.replace("\0", " ")
        ours = {pid for pid in commands if mark in _read(f"/proc/{pid}/environ")}
        # Chromium's helpers overwrite their environment.
        while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
            ours |= more
        return {pid: commands[pid] for pid in ours}

    def leftovers(self) -> list[object]:
        """Return the processes and temporary files that are still there after a while."""
        try:
            wait_until(lambda: not self.processes(), within=10)
        except AssertionError:
            return list(self.processes().values())
        return list(self.temporary.rglob("*"))


@dataclass
class Running:
    """A command that runs."""

    process: subprocess.Popen[str]
    env: Env

    def send_signal(self, number: int) -> None:
        """Send it a signal, as `kill` does."""
        self.process.send_signal(number)

    def signal_group(self, number: int) -> None:
        """Send a signal to its process group, as Ctrl-C does."""
        os.killpg(self.process.pid, number)

    def signal_all(self, number: int) -> None:
        """Send a signal to it and to all that it has started, as systemd does."""
        self.kill("", number)

    def kill(self, words: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to those of its processes whose command lines contain `words`."""
        found = [pid for pid, command in self.env.processes().items() if words in command]
        assert found, words
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def read_line(self) -> str:
        """Return its next line on stderr."""
        assert self.process.stderr
        return self.process.stderr.readline()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.process.kill()

    def wait(self) -> tuple[int, str, str]:
        """Wait for its end and return exit code, stdout and stderr."""
        out, err = self.process.communicate(timeout=self.env.patience)
        return self.process.returncode, out, err
