"""What scheduling does to the machine: programs run and files written, each told beforehand."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cldmon import files
from cldmon.errors import ScheduleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

UNIT_MODE = 0o644
PATIENCE_SECONDS = 120


class Answer(NamedTuple):
    """What a program said: on stdout, and in the last line of stderr."""

    ok: bool
    text: str
    reason: str


@dataclass(frozen=True)
class System:
    """This machine. `say` is told of every file written and every command run."""

    env: Mapping[str, str]
    say: Callable[[str], None]

    def run(self, *argv: str, given: str = "") -> None:
        """Run a program that changes something; raises ScheduleError where it fails."""
        self.say("run: " + shlex.join(argv))
        ran = self._ran(argv, given)
        if ran.returncode:
            raise ScheduleError(f"`{shlex.join(argv)}` failed: {_reason(ran)}")

    def ask(self, *argv: str) -> Answer:
        """Run a program that changes nothing; raises ScheduleError where there is none."""
        ran = self._ran(argv, "")
        return Answer(ran.returncode == 0, ran.stdout, _reason(ran))

    def read(self, path: Path) -> str | None:
        """Return a file's text, None where there is no such file; raises StoreError."""
        found = files.read(path)
        return None if found is None else found.decode(errors="replace")

    def write(self, path: Path, text: str) -> None:
        """Put a file that anybody may read in its place, and make its folder."""
        self.say(f"write: {path}")
        with files.wrap_os_errors("make the folder", path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, text.encode(), mode=UNIT_MODE)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        self.say(f"remove: {path}")
        with files.wrap_os_errors("remove", path):
            path.unlink()

    def _ran(self, argv: tuple[str, ...], given: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(  # noqa: S603 - fixed programs; no shell
                argv,
                input=given,
                env={**self.env, "LC_ALL": "C"},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PATIENCE_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise ScheduleError(f"{argv[0]} was not found: {_INSTEAD[argv[0]]}") from None
        except (OSError, subprocess.SubprocessError) as error:
            reason = getattr(error, "strerror", None) or "it does not end"
            raise ScheduleError(f"{argv[0]} could not be run: {reason}") from error


_INSTEAD = {
    "apparmor_parser": "install apparmor (`apt-get install apparmor`)",
    "chown": "install coreutils",
    "systemctl": "this machine is not run by systemd; try `cldmon schedule cron`",
    "systemd-sysusers": "make the user cldmon by hand, then try again",
    "systemd-tmpfiles": "this machine is not run by systemd; try `cldmon schedule cron`",
    "crontab": "install cron (`apt-get install cron`), or try `cldmon schedule systemd`",
}


def _reason(ran: subprocess.CompletedProcess[str]) -> str:
    lines = ran.stderr.split("\n")
    told = [line for line in map(str.strip, lines) if line]
    return told[-1] if told else f"exit code {ran.returncode}"
