"""A sandbox to run the steps of a page in, as root.

It has its own /etc, /opt and homes. Programs that would change more than files only record their
calls.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.demo.claude import SimAccount, SimOrganization
from cldmon.demo.slack import SimUser
from tests import namespaces
from tests.docs.pages import ROOT
from tests.env import CLDMON, PATIENCE, key_of, organization_of
from tests.schedule.tools import RECORD_CALL, FakeMachine
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.claude import FakeClaude
    from tests.simulation.slack import FakeSlack

WRITABLE = ("etc", "opt", "srv", "usr/local/bin", "var/lib")
"""Folders the pages write to; their other contents are visible read-only."""
EXISTING = (
    "etc/systemd/system",
    "etc/sysusers.d",
    "etc/tmpfiles.d",
    "var/lib/prometheus/node-exporter",
)

RECORDERS = (
    *("apt-get", "chgrp", "chown", "docker", "journalctl", "loginctl"),
    *("npx", "pip", "pipx", "useradd", "uv"),
)
SUDO = '#!/bin/sh\n[ "$1" != -u ] || shift 2\nexec "$@"\n'
EDITOR = '#!/bin/sh\ncat "$MACHINE/filled.toml" >"$1"\n'
PYTHON = """#!/bin/sh
case "$1 $2" in
'-m venv') mkdir -p "$3/bin" && ln -s "$MACHINE/bin/pip" "$CLDMON" "$3/bin" ;;
*) exec /usr/bin/python3 "$@" ;;
esac
"""
"""Creates an environment with cldmon already installed."""
INSTALL = """#!/bin/bash
words=()
while [ $# -gt 0 ]; do
    case $1 in -o | -g) shift ;; *) words+=("$1") ;; esac
    shift
done
exec /usr/bin/install "${words[@]}"
"""
"""Ignores owner and group: the sandbox has one user."""
SCRIPTS = {
    "sudo": SUDO,
    "editor": EDITOR,
    "sudoedit": EDITOR,
    "sensible-editor": EDITOR,
    "python3": PYTHON,
    "install": INSTALL,
    **dict.fromkeys(RECORDERS, RECORD_CALL),
}


DORA = SimUser("U0123456789", "dora", "Dora Example")
NODE_DIR = "/srv/node-cldmon"
HISTORY = '{"timestamp":1773283635095,"accounts":[{"label":"alice","fiveHour":17,"sevenDay":45}]}'
PLACEHOLDERS = {"LABEL": "alice", "NAME": "dora", "ACCOUNT": "alice", "DIR": NODE_DIR}


def find_commands(text: str) -> set[str]:
    """Return the arguments of each quoted cldmon command in a text, placeholders filled in."""
    quoted = re.findall(r"`cldmon ([^`]*)`", text)
    return {" ".join(PLACEHOLDERS.get(word, word) for word in line.split()) for line in quoted}


@dataclass
class Sandbox:
    """A machine below `folder` with accounts alice and bob at a simulated claude.ai."""

    folder: Path
    claude: FakeClaude
    slack: FakeSlack
    program: str = CLDMON
    programs: FakeMachine = field(init=False)

    def __post_init__(self) -> None:
        for place in (
            self.home,
            self.temporary,
            *map(self.host_path, WRITABLE),
            *map(self.host_path, EXISTING),
        ):
            place.mkdir(parents=True, exist_ok=True)
        self.programs = FakeMachine(self.folder).install_programs()
        for name, text in SCRIPTS.items():
            path = self.folder / "bin" / name
            path.write_text(text)
            path.chmod(0o755)
        self.slack.users[DORA.id] = DORA
        for label in ("alice", "bob"):
            organization = SimOrganization(organization_of(label))
            self.claude.add(SimAccount(key_of(label), (organization,), usage()))
        shutil.copytree(ROOT / "contrib", self.checkout / "contrib")
        shutil.copy(ROOT / "config.example.toml", self.checkout)
        self.set_config()
        self._binds = list(self._bind_options())

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def checkout(self) -> Path:
        """The working directory, with the parts of a checkout that the pages need."""
        return self.folder / "checkout"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    def host_path(self, name: str) -> Path:
        """Return the host's path of what the sandbox sees at `/name`."""
        return self.folder / "ours" / name

    def set_config(self, top: str = "", tables: str = "") -> None:
        """Set the configuration that the fake editor writes."""
        accounts = "".join(
            f'[[accounts]]\nlabel = "{label}"\nsession_key = "{key_of(label)}"\n'
            for label in ("alice", "bob")
        )
        slack = f'[notifications.slack]\nenabled = true\nbot_token = "{self.slack.token}"\n'
        urls = f'claude_url = "{self.claude.url}"\nslack_url = "{self.slack.url}"\n'
        (self.folder / "filled.toml").write_text(f"{urls}{top}\n{tables}{slack}{accounts}")

    def install_cldmon(self) -> Sandbox:
        """Put cldmon on the PATH."""
        (self.host_path("usr/local/bin") / "cldmon").symlink_to(self.program)
        return self

    def configure(self, config: str = "config.toml") -> Sandbox:
        """Install cldmon and write the configuration."""
        self.install_cldmon()
        self.run_steps(f"mkdir -p $(dirname {config})\ncldmon init {config}\neditor {config}\n")
        return self

    def create_node_installation(self) -> None:
        """Create a Node version with an account and a day of history."""
        old = self.host_path(NODE_DIR[1:])
        (old / "data").mkdir(parents=True)
        account = {"label": "alice", "sessionKey": key_of("alice")}
        (old / "config.json").write_text(json.dumps({"port": 3000, "accounts": [account]}))
        (old / "data" / "history-2026-03-12.jsonl").write_text(f"{HISTORY}\n")

    def run_steps(self, *steps: str) -> None:
        """Run each step; none may fail."""
        for step in steps:
            ran = self.run(step)
            assert ran.returncode == 0, f"{step}\n{ran.stdout}{ran.stderr}"

    def run(self, script: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a script; the first failing line ends it."""
        namespaces.require()
        return subprocess.run(
            [
                "bwrap",
                *self._bwrap_options(cwd or self.checkout),
                "bash",
                "-euo",
                "pipefail",
                "-c",
                script,
            ],
            env=self.env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
        )

    @property
    def env(self) -> dict[str, str]:
        """The whole environment."""
        given = ("CLDMON_BROWSER", "PLAYWRIGHT_BROWSERS_PATH")
        return {
            **{name: os.environ[name] for name in given if name in os.environ},
            "PATH": f"{self.folder / 'bin'}:/usr/local/bin:/usr/bin:/usr/sbin",
            "MACHINE": str(self.folder),
            "CLDMON": self.program,
            "EDITOR": "editor",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
        }

    def _bwrap_options(self, cwd: Path) -> Iterator[str]:
        yield from ("--die-with-parent", "--unshare-user", "--uid", "0", "--gid", "0")
        yield from ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")
        installed = str(Path(self.program).parents[1])
        yield from ("--ro-bind", installed, installed)  # it may be below /dev/shm
        yield from self._binds
        yield from ("--bind", str(self.folder), str(self.folder), "--chdir", str(cwd))

    def _bind_options(self) -> Iterator[str]:
        for name in WRITABLE:
            yield from ("--bind", str(self.host_path(name)), f"/{name}")
            for path in Path("/", name).iterdir():
                if path.exists() and not (self.host_path(name) / path.name).exists():
                    yield from ("--ro-bind", str(path), str(path))
