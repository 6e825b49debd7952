"""A machine below a folder: `systemctl`, `crontab` and the like as programs that write down."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.schedule.job import Job
from cldmon.schedule.system import System
from cldmon.schedule.systemd import Places

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORDS = '#!/bin/sh\necho "$(basename "$0") $*" >>"$BOX/calls"\n'
_SYSTEMCTL = f"""{RECORDS}
[ ! -e "$BOX/no-systemd" ] || {{ echo 'Failed to connect to bus' >&2; exit 1; }}
case $* in *ActiveState*) echo ActiveState=active ;; esac
"""
_CRONTAB = f"""{RECORDS}
[ ! -e "$BOX/broken" ] || {{ echo 'crontab: you may not use it' >&2; exit 1; }}
case $* in
*-l) cat "$BOX/crontab" 2>/dev/null || {{ echo 'no crontab for me' >&2; exit 1; }} ;;
*-) cat >"$BOX/crontab" ;;
esac
"""
PROGRAMS = {
    "systemctl": _SYSTEMCTL,
    "crontab": _CRONTAB,
    "systemd-sysusers": RECORDS,
    "systemd-tmpfiles": RECORDS,
    "chown": RECORDS,
    "apparmor_parser": RECORDS,
}

JOB = Job(
    program=("/usr/local/bin/cldmon",),
    config=Path("/etc/cldmon/config.toml"),
    data_dir=Path("/var/lib/cldmon"),
    interval=timedelta(minutes=10),
)


@dataclass
class Box:
    """The machine: its folder, what it was told, and its programs."""

    folder: Path
    said: list[str] = field(default_factory=list)

    def equip(self, names: Sequence[str] = tuple(PROGRAMS)) -> Box:
        (self.folder / "bin").mkdir(exist_ok=True)
        for name in names:
            program = self.folder / "bin" / name
            program.write_text(PROGRAMS[name])
            program.chmod(0o755)
        return self

    @property
    def env(self) -> dict[str, str]:
        path = os.environ["PATH"]
        return {"PATH": f"{self.folder / 'bin'}:{path}", "BOX": str(self.folder)}

    @property
    def system(self) -> System:
        return System(self.env, self.said.append)

    @property
    def places(self) -> Places:
        etc = self.folder / "etc"
        return Places(etc / "systemd/system", etc / "sysusers.d", etc / "tmpfiles.d")

    @property
    def profiled_places(self) -> Places:
        return self.places._replace(apparmor=self.folder / "etc/apparmor.d")

    @property
    def users_places(self) -> Places:
        return Places(self.folder / "user")

    @property
    def crontab(self) -> Path:
        return self.folder / "crontab"

    @property
    def calls(self) -> list[str]:
        """The programs that were run so far, less those that only ask."""
        called = self.folder / "calls"
        lines = called.read_text().splitlines() if called.exists() else []
        return [line for line in lines if "show" not in line and not line.endswith("-l")]

    def files(self) -> dict[str, str]:
        """Every file that lies where systemd looks."""
        places = (*self.profiled_places, *self.users_places)
        folders = [place for place in places if isinstance(place, Path) and place.exists()]
        return {path.name: path.read_text() for folder in folders for path in folder.iterdir()}
