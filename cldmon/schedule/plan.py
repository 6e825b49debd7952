"""Deriving a schedule from a configuration: which user runs it, and where everything is."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.claude import apparmor
from cldmon.claude.browser import find_browser
from cldmon.config import locate
from cldmon.config.installed import get_user_units
from cldmon.domain.text import is_printable
from cldmon.errors import BrowserError, ConfigError, UsageError
from cldmon.schedule.checksum import Origin, get_origin
from cldmon.schedule.cron import round_up_interval
from cldmon.schedule.install import Cron, Systemd
from cldmon.schedule.job import CONFIG_DIR, MIN_INTERVAL, SERVICE_USER, STATE_DIR, Job
from cldmon.schedule.system import System
from cldmon.schedule.systemd import SYSTEM, Places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cldmon.app.app import App
    from cldmon.config.schema import Config

_INHERITED = ("CLDMON_BROWSER", "PLAYWRIGHT_BROWSERS_PATH")
"""Variables that a pass may need, but that systemd and cron would not pass on."""


@dataclass(frozen=True)
class Plan:
    """How to start the passes of a configuration, for the whole system or for one user.

    A second configuration is another instance, which has a name.
    """

    app: App
    kind: str
    of_user: bool
    name: str = ""

    def build_schedule(self, report: Callable[[str], None]) -> Systemd | Cron:
        """Return what installs and uninstalls; `report` gets a line for each change."""
        system = System(self.app.env, report)
        if self.kind == "cron":
            return Cron(None if self.of_user else self._get_user(), system, self.name)
        return Systemd(self._get_places(), system)

    @property
    def config(self) -> Path | None:
        """The configuration in use, even if it does not exist; None if there is none."""
        try:
            return self._get_config_path()
        except ConfigError:
            return None

    def build_job(self) -> Job:
        """Return what to run. Raise ConfigError, or UsageError for control characters in names."""
        from cldmon.config.load import read

        path, user, env = self._get_config_path(), self._get_user(), self.app.env
        config = read(path)
        data_dir = self._find_data_dir(config, path)
        written: tuple[Path, ...] = ()
        if config.metrics.textfile:
            folder = locate.resolve(path.parent, config.metrics.textfile, env).parent
            written = () if folder.is_relative_to(data_dir) else (folder,)
        try:
            group = grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
        except KeyError:
            group = user
        program: tuple[str, ...] = (sys.executable, "-m", "cldmon")
        found = shutil.which(sys.argv[0], path=env.get("PATH"))
        if found and Path(found).name == "cldmon":
            program = (os.path.abspath(found),)  # noqa: PTH100 - a link outlives an upgrade
        variables = tuple((name, value) for name in _INHERITED if (value := env.get(name)))
        texts = (*program, *map(str, (path, data_dir, *written)), *(v for _, v in variables))
        for text in texts:
            # A control character could start another line in a unit or a crontab.
            if not is_printable(text):
                raise UsageError(f"{text!r} contains a control character: it cannot be scheduled")
        return Job(
            program=program,
            config=path,
            data_dir=data_dir,
            interval=config.interval,
            user=user,
            group=group,
            variables=variables,
            written=written,
            browser=self._find_confined_browser(config, user),
            digest=any(each.digest for each in config.notifications.channels),
        )

    def warnings(self, job: Job) -> Iterator[str]:
        """Yield what the user should know before the job is scheduled."""
        if job.interval < MIN_INTERVAL:
            yield (
                f"a pass every {_format_minutes(job.interval)} may get accounts rate limited: set"
                f" fetch_interval_minutes to {_format_number(MIN_INTERVAL)} or more (10 is safe)"
            )
        if job.data_dir != (default := self._find_default_data_dir(job)):
            yield (
                f"commands that you run by hand look for the data in {default}: set"
                f" data_dir = {json.dumps(str(job.data_dir), ensure_ascii=False)} in {job.config}"
            )
        if job.browser and not self._installs_profiles:
            command = apparmor.install_command(job.browser)
            yield f"the sandbox of {job.browser} needs an AppArmor profile here: {command}"
        interval = round_up_interval(job.interval)
        if self.kind == "cron" and interval != job.interval:
            yield (
                f"cron cannot start a pass every {_format_minutes(job.interval)}: it will be every"
                f" {_format_minutes(interval)}; set fetch_interval_minutes to"
                f" {_format_number(interval)}"
            )
        if self.of_user:
            return
        owner, program = _get_owner(job.config), Path(job.program[0])
        if owner != job.user and job.config.parent != CONFIG_DIR:
            yield (
                f"{job.config} belongs to {owner}, and passes run as {job.user}: move it to"
                f" {CONFIG_DIR}, or give it to the user that passes should run as"
            )
        if owner != job.user and program.is_relative_to("/root"):
            yield f"{program} is in root's home folder: install cldmon where {job.user} can read it"

    def suggest_next_steps(self) -> Iterator[str]:
        """Yield what the user may want to do after installing."""
        if self.kind == "cron":
            return
        manager = "systemctl --user" if self.of_user else "systemctl"
        serve = self._get_places().unit("serve.service").name
        yield f"to run the dashboard, too: {manager} enable --now {serve}"
        if self.of_user:
            yield "to keep passes running while you are logged out: loginctl enable-linger"

    def require_root(self) -> None:
        """Raise UsageError if the caller may not change the system."""
        if not self.of_user and os.geteuid() != 0:
            raise UsageError("only root can change the system's timers: use sudo, or add --user")

    def _get_config_path(self) -> Path:
        return Path(os.path.abspath(self.app.config_path))  # noqa: PTH100 - links stay links

    def _get_user(self) -> str:
        try:
            owner = _get_owner(self.app.config_path)
        except ConfigError:
            return SERVICE_USER
        return SERVICE_USER if owner == "root" else owner

    def _get_places(self) -> Places:
        places = Places(get_user_units(self.app.env)) if self.of_user else SYSTEM
        return places._replace(name=self.name)

    def _find_data_dir(self, config: Config, path: Path) -> Path:
        env = dict(self.app.env)
        configured = (config.data_dir, self.app.data_dir_option, env.get("CLDMON_DATA_DIR"))
        if self.name and not any(configured):
            folder = f"{'~/.local/state/cldmon' if self.of_user else STATE_DIR}-{self.name}"
            raise ConfigError(
                f"{path}: a second instance needs a data folder of its own:"
                f' set data_dir = "{folder}"'
            )
        if not self.of_user:
            env["STATE_DIRECTORY"] = str(STATE_DIR)
        return locate.find_data_dir(config.data_dir, path, self.app.data_dir_option, env)

    def _find_default_data_dir(self, job: Job) -> Path:
        """Return the data folder that the job's user gets from the configuration alone."""
        from cldmon.config.load import read

        env = dict(self.app.env) if self.of_user else {"HOME": _get_home(job.user)}
        for name in ("CLDMON_DATA_DIR", "STATE_DIRECTORY"):
            env.pop(name, None)
        return locate.find_data_dir(read(job.config).data_dir, job.config, None, env)

    @property
    def _installs_profiles(self) -> bool:
        return self.kind == "systemd" and not self.of_user

    def _find_confined_browser(self, config: Config, user: str) -> Path | None:
        """Return the program that needs an AppArmor profile for its sandbox, or None."""
        if not apparmor.is_restricted() or config.browser.sandbox is False or user == "root":
            return None
        env = dict(self.app.env)
        if not self.of_user:
            env = {
                "HOME": _get_home(user),
                **{n: env[n] for n in ("PATH", *_INHERITED) if n in env},
            }
        app = replace(self.app, config_path_option=self.app.config_path, env=env)
        try:
            program = apparmor.resolve_program(
                find_browser(app.build_browser_settings(config), env)
            )
        except BrowserError:
            return None  # cldmon doctor reports it
        profile = apparmor.find_profile(program) if program else None
        # A profile of ours would be missing if it were not installed again.
        if profile and self._installs_profiles and profile.name == self._get_places().profile:
            text = profile.read_text(encoding="utf-8", errors="replace")
            return program if get_origin(text) is Origin.OURS else None
        return None if profile else program


def _get_owner(path: Path) -> str:
    try:
        uid = path.stat().st_uid
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _get_home(user: str) -> str:
    try:
        return pwd.getpwnam(user).pw_dir
    except KeyError:
        return str(STATE_DIR)  # the service user is created with this home


def _format_minutes(length: timedelta) -> str:
    return f"{_format_number(length)} minute{'' if length == timedelta(minutes=1) else 's'}"


def _format_number(length: timedelta) -> str:
    return f"{length / timedelta(minutes=1):g}"
