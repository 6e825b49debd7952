"""A user's home: a configuration, a data_dir, and the installed `cldmon` to run on them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cldmon.claude import apparmor
from cldmon.demo.claude import SimAccount, SimOrganization, usage
from tests import namespaces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cldmon.demo.claude import FakeClaude
    from cldmon.demo.faults import Fault

CLDMON = str(Path(sys.executable).with_name("cldmon"))
SERVING = """
${CLDMON-cldmon} serve &
server=$!
until ${CLDMON-cldmon} health --serve; do kill -0 $server; done
kill $server
wait $server
"""
"""Serves until it answers, and no longer; in a shell that ends with the first failure."""
PATIENCE = 60.0
"""Seconds after which something hangs for certain."""


def key_of(label: str) -> str:
    """Return an account's session key: known by the word MARKER wherever it should not be."""
    return f"sk-ant-sid02-MARKER-{label}-aaaaaaaaaaaaaaaa"


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


def wait_until(true: Callable[[], object], *, within: float = PATIENCE) -> None:
    """Wait for a condition; fail if it does not come."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def _all_processes() -> tuple[dict[int, int], dict[int, str]]:
    """Return the parent and the command line of each living process."""
    parents, commands = {}, {}
    for place in Path("/proc").glob("[0-9]*"):
        state, _, rest = _read(f"{place}/stat").rpartition(b") ")[2].partition(b" ")
        if rest and state != b"Z":
            parents[int(place.name)] = int(rest.split()[0])
            commands[int(place.name)] = _read(f"{place}/cmdline").decode().replace("\0", " ")
    return parents, commands


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


@dataclass
class Home:
    """A home below `folder` for accounts of a simulated claude.ai.

    `env` is all that its processes find in their environment, beside PATH; after `patience`
    seconds one of them hangs for certain.
    """

    folder: Path
    claude: FakeClaude
    env: dict[str, str] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    patience: float = PATIENCE

    def __post_init__(self) -> None:
        for place in (self.folder, self.data.parent, self.temporary):
            place.mkdir(exist_ok=True)
        given = ("PATH", "CLDMON_BROWSER", "PLAYWRIGHT_BROWSERS_PATH")
        self.env = {
            **{name: os.environ[name] for name in given if name in os.environ},
            "HOME": str(self.folder),
            "TMPDIR": str(self.temporary),
            "CLDMON_CONFIG": str(self.config),
            **self.env,
        }

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def state(self) -> Any:
        return json.loads((self.data / "state.json").read_bytes())

    @property
    def accounts(self) -> dict[str, Any]:
        """The accounts of the last snapshot, by label."""
        return {each["label"]: each for each in self.state["snapshot"]["accounts"]}

    @property
    def history(self) -> list[Any]:
        lines = [
            line
            for day in sorted(self.data.glob("history-*.jsonl"))
            for line in day.read_text(encoding="utf-8").splitlines()
        ]
        return [json.loads(line) for line in lines]

    def settle(self, accounts: Mapping[str, Fault | None], top: str = "", tables: str = "") -> Home:
        """Let accounts exist, with what is wrong with each, and write the configuration."""
        self.labels = list(accounts)
        for label, fault in accounts.items():
            organization = SimOrganization(organization_of(label))
            self.claude.add(SimAccount(key_of(label), (organization,), usage()))
            if fault:
                self.claude.fail(key_of(label), fault)
        self.configure(top, tables)
        return self

    def configure(self, top: str = "", tables: str = "") -> None:
        """Write the configuration of the accounts, with more keys and more tables."""
        entries = "".join(
            f'[[accounts]]\nlabel = "{label}"\nsession_key = "{key_of(label)}"\n'
            for label in self.labels
        )
        head = f'claude_url = "{self.claude.url}"\ndata_dir = "data"\n{top}\n'
        self.config.write_text(f"{head}{tables}\n{entries}", encoding="utf-8")
        self.config.chmod(0o600)

    def run(
        self, *arguments: str, under: Sequence[str] = (), **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run the installed command to its end; `under` is a program that starts it."""
        return subprocess.run(
            [*under, CLDMON, *arguments],
            **{
                "env": self.env,
                "cwd": self.folder,
                "capture_output": True,
                "text": True,
                "stdin": subprocess.DEVNULL,
                "timeout": self.patience,
                "check": False,
                **options,
            },
        )

    def start(self, *arguments: str, under: Sequence[str] = (), **options: Any) -> Running:
        """Start the installed command in a process group of its own, and go on."""
        process = subprocess.Popen(
            [*under, CLDMON, *arguments],
            **{
                "env": self.env,
                "cwd": self.folder,
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "text": True,
                "start_new_session": True,
                **options,
            },
        )
        return Running(process, self)

    def processes(self) -> dict[int, str]:
        """Return the command lines of the processes that were started from here and live."""
        mark = f"HOME={self.folder}\0".encode()
        parents, commands = _all_processes()
        ours = {pid for pid in commands if mark in _read(f"/proc/{pid}/environ")}
        # Chromium's helpers overwrite their environment.
        while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
            ours |= more
        return {pid: commands[pid] for pid in ours}

    def left_behind(self) -> list[object]:
        """Return the processes and temporary files that remain once the dying had their time."""
        try:
            wait_until(lambda: not self.processes(), within=10)
        except AssertionError:
            return list(self.processes().values())
        return list(self.temporary.rglob("*"))


@dataclass
class Running:
    """A command that runs."""

    process: subprocess.Popen[str]
    home: Home

    def send_signal(self, number: int) -> None:
        """Send it a signal, as `kill` does."""
        self.process.send_signal(number)

    def tell_group(self, number: int) -> None:
        """Send a signal to it and what shares its terminal, as Ctrl-C does."""
        os.killpg(self.process.pid, number)

    def tell_all(self, number: int) -> None:
        """Send a signal to it and to all that it has started, as systemd does."""
        self.kill("", number)

    def kill(self, words: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to what it has started, known by words of the command line."""
        found = [pid for pid, command in self.home.processes().items() if words in command]
        assert found, words
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def end(self) -> tuple[int, str, str]:
        """Wait for its end and return exit code, stdout and stderr."""
        out, err = self.process.communicate(timeout=self.home.patience)
        return self.process.returncode, out, err
