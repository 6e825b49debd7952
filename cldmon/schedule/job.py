"""What to run, as which user, how often and in which folders: the input for all units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cldmon.config.locate import SYSTEM_CONFIG, SYSTEM_DATA

SERVICE_USER = "cldmon"
CONFIG_DIR = SYSTEM_CONFIG.parent
STATE_DIR = SYSTEM_DATA
MIN_INTERVAL = timedelta(minutes=3)
"""More frequent passes may be rate limited."""

_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))


@dataclass(frozen=True, slots=True)
class Job:
    """One configuration whose passes are scheduled. All paths are absolute.

    `program` is the command that starts cldmon; `user` and `group` apply to system services;
    `variables` are environment variables it needs; `written` are folders outside data_dir that it
    writes to; `browser` is the program that needs an AppArmor profile, or None. `digest`: a channel
    wants the weekly digest.
    """

    program: tuple[str, ...]
    config: Path
    data_dir: Path
    interval: timedelta
    user: str = SERVICE_USER
    group: str = SERVICE_USER
    variables: tuple[tuple[str, str], ...] = ()
    written: tuple[Path, ...] = ()
    browser: Path | None = None
    digest: bool = False

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the argument list for one of cldmon's commands."""
        places = ("--config", str(self.config), "--data-dir", str(self.data_dir))
        return (*self.program, *places, *words)

    @property
    def takes_config_dir(self) -> bool:
        """Whether the service user owns the folder of the configuration."""
        return self.config.parent == CONFIG_DIR and self.user == SERVICE_USER

    @property
    def needs_homes(self) -> bool:
        """Whether it uses anything in a home folder."""
        paths = [Path(self.program[0]), self.config, self.data_dir, *self.written]
        return any(path.is_relative_to(home) for path in paths for home in _HOMES)


SEND_DIGEST = ("digest", "--send")
