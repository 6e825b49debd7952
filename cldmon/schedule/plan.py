"""From a configuration to what is scheduled of it: who runs it, and where everything lies."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.app import parts
from cldmon.claude import apparmor
from cldmon.claude.browser import find
from cldmon.config import locate
from cldmon.config.installed import user_folder
from cldmon.config.label import printable
from cldmon.errors import BrowserError, ConfigError, UsageError
from cldmon.schedule import remarks
from cldmon.schedule.checksum import Origin, origin
from cldmon.schedule.install import Cron, Systemd
from cldmon.schedule.job import SERVICE_USER, STATE_DIR, Job
from cldmon.schedule.system import System
from cldmon.schedule.systemd import SYSTEM, Places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cldmon.app import App
    from cldmon.config.schema import Config
    from cldmon.schedule.install import Schedule

_INHERITED = ("CLDMON_BROWSER", "PLAYWRIGHT_BROWSERS_PATH")
"""What neither systemd nor cron would hand on, and a pass may need."""


@dataclass(frozen=True)
class Plan:
    """How the passes of a configuration are started: for the whole system, or for its caller.

    A second configuration is another instance, and has a name.
    """

    app: App
    kind: str
    of_user: bool
    name: str = ""

    def schedule(self, say: Callable[[str], None]) -> Schedule:
        """Return what installs and uninstalls; `say` is told of all that is done."""
        system = System(self.app.env, say)
        if self.kind == "cron":
            return Cron(None if self.of_user else self._user(), system, self.name)
        return Systemd(self._places(), system)

    @property
    def config(self) -> Path | None:
        """The configuration in use, there or not; None where none is named or found."""
        try:
            return Path(os.path.abspath(self.app.config_path))  # noqa: PTH100 - links stay links
        except ConfigError:
            return None

    def next_steps(self) -> Iterable[str]:
        """Return what a person may want to do once it is installed."""
        if self.kind == "cron":
            return
        manager = "systemctl --user" if self.of_user else "systemctl"
        yield f"the dashboard, too: {manager} enable --now {self._places().serve}"
        if self.of_user:
            yield "passes while you are logged out, too: loginctl enable-linger"

    def job(self) -> Job:
        """Return what is to be run; raises ConfigError, or UsageError for a name of many lines."""
        from cldmon.config.load import read

        path = Path(os.path.abspath(self.app.config_path))  # noqa: PTH100 - links stay links
        config, user = read(path), self._user()
        job = Job(
            program=_program(self.app.env),
            config=path,
            data_dir=self._data_dir(config, path),
            interval=config.interval,
            user=user,
            group=_group_of(user),
            variables=tuple((n, v) for n in _INHERITED if (v := self.app.env.get(n))),
            written=self._textfile_folder(config, path),
            browser=self._browser(config, user),
        )
        _require_lines(job)
        return job

    def remarks(self, job: Job) -> Iterable[str]:
        """Return what a person ought to know before it is scheduled."""
        yield from remarks.of_interval(job)
        yield from remarks.of_data_dir(job, self._expected_data_dir(job))
        if not self._installs_profiles:
            yield from remarks.of_browser(job)
        if self.kind == "cron":
            yield from remarks.of_cron(job)
        if not self.of_user:
            yield from remarks.of_service(job, _owner_of(job.config))

    def require_rights(self) -> None:
        """Raise UsageError where the caller may not change the system."""
        if not self.of_user and os.geteuid() != 0:
            raise UsageError("the system's own timers are root's: run it with sudo, or add --user")

    def _user(self) -> str:
        try:
            owner = _owner_of(self.app.config_path)
        except ConfigError:
            return SERVICE_USER
        return SERVICE_USER if owner == "root" else owner

    def _places(self) -> Places:
        places = Places(user_folder(self.app.env)) if self.of_user else SYSTEM
        return places._replace(name=self.name)

    def _data_dir(self, config: Config, path: Path) -> Path:
        env = dict(self.app.env)
        named = (config.data_dir, self.app.data_dir_option, env.get("CLDMON_DATA_DIR"))
        if self.name and not any(named):
            folder = f"{'~/.local/state/cldmon' if self.of_user else STATE_DIR}-{self.name}"
            raise ConfigError(
                f"{path}: a second instance needs a data folder of its own:"
                f' set data_dir = "{folder}"'
            )
        if not self.of_user:
            env["STATE_DIRECTORY"] = str(STATE_DIR)
        return locate.data_dir(config.data_dir, path, self.app.data_dir_option, env)

    def _expected_data_dir(self, job: Job) -> Path:
        """Return the data directory that the job's user finds from the configuration alone."""
        from cldmon.config.load import read

        named_by_hand = ("CLDMON_DATA_DIR", "STATE_DIRECTORY")
        env = {name: value for name, value in self.app.env.items() if name not in named_by_hand}
        if not self.of_user:
            env = {"HOME": _home_of(job.user)}
        return locate.data_dir(read(job.config).data_dir, job.config, None, env)

    @property
    def _installs_profiles(self) -> bool:
        return self.kind == "systemd" and not self.of_user

    def _browser(self, config: Config, user: str) -> Path | None:
        """Return the program that needs an AppArmor profile for its sandbox, or None."""
        if not apparmor.is_restricted() or config.browser.sandbox is False or user == "root":
            return None
        env = dict(self.app.env)
        if not self.of_user:
            env = {"HOME": _home_of(user), **{n: env[n] for n in ("PATH", *_INHERITED) if n in env}}
        folder = self.app.config_folder
        try:
            program = apparmor.program_of(find(parts.browser_settings(config, env, folder), env))
        except BrowserError:
            return None  # cldmon doctor says so
        if program is None or self._has_profile(program):
            return None
        return program

    def _has_profile(self, program: Path) -> bool:
        """Return whether there is a profile other than the one that would be installed again."""
        own = self._places().profile if self._installs_profiles else ""
        there = apparmor.profile_of(program)
        if there and there.name == own:
            return origin(there.read_text(encoding="utf-8", errors="replace")) is not Origin.OURS
        return there is not None

    def _textfile_folder(self, config: Config, path: Path) -> tuple[Path, ...]:
        if config.metrics.textfile is None:
            return ()
        folder = locate.beside(path.parent, config.metrics.textfile, self.app.env).parent
        return () if folder.is_relative_to(self._data_dir(config, path)) else (folder,)


def _require_lines(job: Job) -> None:
    """Raise UsageError for a name that would begin a line of its own in a unit or a crontab."""
    paths = (job.config, job.data_dir, *job.written)
    for text in (*job.program, *map(str, paths), *(value for _, value in job.variables)):
        if not printable(text):
            raise UsageError(f"{text!r} holds a control character: nothing scheduled may")


def _program(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words by which this program can be called from anywhere."""
    found = shutil.which(sys.argv[0], path=env.get("PATH"))
    if found and Path(found).name == "cldmon":
        return (os.path.abspath(found),)  # noqa: PTH100 - a link outlives an upgrade
    return (sys.executable, "-m", "cldmon")


def _owner_of(path: Path) -> str:
    try:
        uid = path.stat().st_uid
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _home_of(user: str) -> str:
    try:
        return pwd.getpwnam(user).pw_dir
    except KeyError:
        return str(STATE_DIR)  # as the user will be made


def _group_of(user: str) -> str:
    try:
        return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
    except KeyError:
        return user
