"""Changes to this machine: programs run and files written, each reported beforehand."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cldmon import files
from cldmon.domain.environment import clean_environment
from cldmon.errors import ScheduleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

UNIT_MODE = 0o644
TIMEOUT_SECONDS = 120

_HINTS = {
    "apparmor_parser": "install apparmor (`apt-get install apparmor`)",
    "chown": "install coreutils",
    "systemctl": "this machine does not run systemd; try `cldmon schedule cron`",
    "systemd-sysusers": "create the user cldmon by hand, then try again",
    "systemd-tmpfiles": "this machine does not run systemd; try `cldmon schedule cron`",
    "crontab": "install cron (`apt-get install cron`), or try `cldmon schedule systemd`",
}
"""What to do if a program is not installed."""


class Output(NamedTuple):
    """The output of a program, and why it failed, if it did."""

    ok: bool
    text: str
    reason: str


@dataclass(frozen=True)
class System:
    """This machine. `report` gets a line for each file written and each command run."""

    env: Mapping[str, str]
    report: Callable[[str], None]

    def run(self, *argv: str, stdin: str = "") -> None:
        """Report and run a program. Raise ScheduleError if it fails."""
        self.report("run: " + shlex.join(argv))
        output = self.query(*argv, stdin=stdin)
        if not output.ok:
            raise ScheduleError(f"`{shlex.join(argv)}` failed: {output.reason}")

    def query(self, *argv: str, stdin: str = "") -> Output:
        """Run a program. Raise ScheduleError if it is not installed or does not end."""
        try:
            ran = subprocess.run(  # noqa: S603 - fixed programs; no shell
                argv,
                input=stdin,
                env={**clean_environment(self.env), "LC_ALL": "C"},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise ScheduleError(f"{argv[0]} was not found: {_HINTS[argv[0]]}") from None
        except (OSError, subprocess.SubprocessError) as error:
            reason = getattr(error, "strerror", None) or "it timed out"
            raise ScheduleError(f"{argv[0]} could not be run: {reason}") from error
        errors = [line.strip() for line in ran.stderr.split("\n") if line.strip()]
        reason = errors[-1] if errors else f"exit code {ran.returncode}"
        return Output(ran.returncode == 0, ran.stdout, reason)

    def read(self, path: Path) -> str | None:
        """Return a file's text, or None if there is no such file. Raise StoreError."""
        content = files.read(path)
        return None if content is None else content.decode(errors="replace")

    def write(self, path: Path, text: str) -> None:
        """Write or replace a world-readable file, and create its folder."""
        self.report(f"write: {path}")
        with files.wrap_os_errors("make the folder", path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, text.encode(), mode=UNIT_MODE)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        self.report(f"remove: {path}")
        with files.wrap_os_errors("remove", path):
            path.unlink()
