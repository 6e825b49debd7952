"""A machine in a folder, with `systemctl`, `crontab` etc. as programs that record their calls."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.schedule.job import Job
from cldmon.schedule.system import System
from cldmon.schedule.systemd import SYSTEM, UNITS, Places

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORD_CALL = '#!/bin/sh\necho "$(basename "$0") $*" >>"$MACHINE/calls"\n'
_SYSTEMCTL = f"""{RECORD_CALL}
[ ! -e "$MACHINE/no-systemd" ] || {{ echo 'Failed to connect to bus' >&2; exit 1; }}
case $* in *ActiveState*) echo ActiveState=active ;; esac
"""
_CRONTAB = f"""{RECORD_CALL}
[ ! -e "$MACHINE/broken" ] || {{ echo 'crontab: you may not use it' >&2; exit 1; }}
case $* in
*-l) cat "$MACHINE/crontab" 2>/dev/null || {{ echo 'no crontab for me' >&2; exit 1; }} ;;
*-) cat >"$MACHINE/crontab" ;;
esac
"""
PROGRAMS = {
    "systemctl": _SYSTEMCTL,
    "crontab": _CRONTAB,
    "systemd-sysusers": RECORD_CALL,
    "systemd-tmpfiles": RECORD_CALL,
    "chown": RECORD_CALL,
    "apparmor_parser": RECORD_CALL,
}

FETCH, TIMER, SERVE, DIGEST, DIGEST_TIMER = (SYSTEM.unit(each).name for each in UNITS)

JOB = Job(
    program=("/usr/local/bin/cldmon",),
    config=Path("/etc/cldmon/config.toml"),
    data_dir=Path("/var/lib/cldmon"),
    interval=timedelta(minutes=10),
)
DIGESTED = replace(JOB, digest=True)
HOURLY = replace(JOB, interval=timedelta(hours=1))
OTHERS = "MAILTO=me\n0 0 * * * backup\n"
"""A crontab without cldmon."""


@dataclass
class FakeMachine:
    """The folder of a machine, what cldmon reported, and the calls of its programs."""

    folder: Path
    reported: list[str] = field(default_factory=list)

    def install_programs(self, names: Sequence[str] = tuple(PROGRAMS)) -> FakeMachine:
        (self.folder / "bin").mkdir(exist_ok=True)
        for name in names:
            program = self.folder / "bin" / name
            program.write_text(PROGRAMS[name])
            program.chmod(0o755)
        return self

    @property
    def env(self) -> dict[str, str]:
        path = os.environ["PATH"]
        return {"PATH": f"{self.folder / 'bin'}:{path}", "MACHINE": str(self.folder)}

    @property
    def system(self) -> System:
        return System(self.env, self.reported.append)

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
        """The programs that were run, without mere queries."""
        called = self.folder / "calls"
        lines = called.read_text().splitlines() if called.exists() else []
        return [line for line in lines if "show" not in line and not line.endswith("-l")]

    def files(self) -> dict[str, str]:
        """Every file in the folders of systemd and AppArmor."""
        places = (*self.profiled_places, *self.users_places)
        folders = [place for place in places if isinstance(place, Path) and place.exists()]
        return {path.name: path.read_text() for folder in folders for path in folder.iterdir()}
