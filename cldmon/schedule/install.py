"""Install a job on this machine, remove it, and show its status.

Only files that cldmon wrote for the same instance (configuration, data folder and user), and that
were not edited since, are replaced or removed: see `checksum`.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cldmon.config.installed import FETCH_SERVICES, FetchService, parse_crontab, parse_settings
from cldmon.errors import ScheduleError
from cldmon.schedule import cron, systemd
from cldmon.schedule.checksum import Origin, get_origin
from cldmon.schedule.job import CONFIG_DIR

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cldmon.config.installed import Call
    from cldmon.schedule.job import Job
    from cldmon.schedule.system import System
    from cldmon.schedule.systemd import Places

_UP_TO_DATE = "up to date"


@dataclass(frozen=True, slots=True)
class Status:
    """The status of a schedule as lines of text, and whether it starts passes.

    It is up to date if installing it again would change nothing.
    """

    lines: tuple[str, ...]
    running: bool
    up_to_date: bool


@dataclass(frozen=True)
class Systemd:
    """A timer and services, in the system's manager or in a user's own.

    Its methods, like those of `Cron`, raise ScheduleError or StoreError.
    """

    places: Places
    system: System

    def render(self, job: Job) -> str:
        """Return every file with its path, as `systemctl cat` does."""
        wanted = systemd.generate_files(job, self.places)
        return "\n".join(f"# {path}\n{text}" for path, text in wanted.items())

    def install(self, job: Job) -> None:
        """Write the files, create the user and the folders, and start the timer."""
        self._require_manager()
        wanted = systemd.generate_files(job, self.places)
        for path in wanted:
            text = self.system.read(path)
            if text is not None and (found := get_origin(text)) is not Origin.OURS:
                raise ScheduleError(
                    f"{path} is {found}, so it is left alone: move it away first (put your own"
                    f" changes into a drop-in: systemctl edit {path.name})"
                )
        for path in sorted(self.places.units.glob(FETCH_SERVICES)):
            if path != self.places.unit("fetch.service") and (call := self._parse_call(path)):
                _refuse_shared_data(str(path), call, job)
        if call := self._parse_call(self.places.unit("fetch.service")):
            self._refuse_if(_find_difference(call, job), call)
        for path, text in wanted.items():
            if self.system.read(path) == text:
                self.system.report(f"unchanged: {path}")
            else:
                self.system.write(path, text)
        self._remove_all(
            [path for path in self._list_present() if path not in wanted and self._is_ours(path)]
        )
        if not self.places.of_user:
            self._create_user_and_folders(job)
        self._run_systemctl("daemon-reload")
        for timer in self._list_timers(job):
            self._run_systemctl("enable", timer)
            self._run_systemctl("restart", timer)
        self._run_systemctl("try-restart", self.places.unit("serve.service").name)
        for path in wanted:
            if path.parent == self.places.apparmor:
                self.system.run("apparmor_parser", "--replace", str(path))

    def uninstall(self, config: Path | None = None) -> None:
        """Stop the timer and services and remove the files; user, configuration and data stay.

        `config` is the configuration in use: another one's schedule is left alone.
        """
        self._require_manager()
        call = self._parse_call(self.places.unit("fetch.service"))
        if config and call:
            self._refuse_if(_find_other_configuration(call, config), call)
        ours = [path for path in self._list_present() if self._is_ours(path)]
        if not ours:
            self.system.report("nothing to remove")
        if self._remove_all(ours):
            self._run_systemctl("daemon-reload")

    def status(self, job: Job) -> Status:
        """Return the status of each file and of the timer."""
        self._require_manager()
        states = {
            path: _describe_state(self.system.read(path), text, self._parse_call(path), job)
            for path, text in systemd.generate_files(job, self.places).items()
        }
        for path in self._list_present():
            if get_origin(self.system.read(path) or "") is Origin.OURS:
                states.setdefault(path, "not needed: --install removes it")
        timers = {timer: self._read_state(timer) for timer in self._list_timers(job)}
        return Status(
            tuple(f"{unit}: {state}" for unit, state in (*states.items(), *timers.items())),
            running=all(state == "active" for state in timers.values()),
            up_to_date=all(state == _UP_TO_DATE for state in states.values()),
        )

    def _list_timers(self, job: Job) -> list[str]:
        suffixes = ["fetch.timer", *(["digest.timer"] if job.digest else [])]
        return [self.places.unit(suffix).name for suffix in suffixes]

    def _read_state(self, unit: str) -> str:
        output = self.system.query(*self._build_argv("show", "-p", "ActiveState", unit))
        return output.text.strip().removeprefix("ActiveState=") or "unknown"

    def _require_manager(self) -> None:
        """Raise ScheduleError if systemd is not running."""
        if not self.system.query(*self._build_argv("show", "-p", "Version")).ok:
            advice = "this machine was not started by it; try `cldmon schedule cron`"
            if self.places.of_user:
                advice = (
                    "log in as that user (not through su or sudo), or try `cldmon schedule cron`"
                )
            raise ScheduleError(f"`{' '.join(self._build_argv())}` cannot reach systemd: {advice}")

    def _refuse_if(self, difference: str, call: Call) -> None:
        user = ["--user"] if self.places.of_user else []
        what = str(self.places.unit("fetch.service"))
        _refuse_if(difference, what, call, ["systemd", *user], self.places.name)

    def _parse_call(self, path: Path) -> Call | None:
        """Return how a service calls cldmon."""
        text = self.system.read(path) if path.suffix == ".service" else None
        return None if text is None else FetchService(path, parse_settings(text)).call

    def _list_present(self) -> list[Path]:
        return [path for path in self.places.all_files if self.system.read(path) is not None]

    def _is_ours(self, path: Path) -> bool:
        found = get_origin(self.system.read(path) or "")
        if found is not Origin.OURS:
            self.system.report(f"left alone: {path} is {found}")
        return found is Origin.OURS

    def _remove_all(self, paths: Sequence[Path]) -> bool:
        """Stop units and remove files; return whether there were any units."""
        units = [path.name for path in paths if path.parent == self.places.units]
        if units:
            self._run_systemctl("disable", "--now", *units)
        for path in paths:
            if path.parent == self.places.apparmor:
                self.system.run("apparmor_parser", "--remove", str(path))
            self.system.remove(path)
        return bool(units)

    def _create_user_and_folders(self, job: Job) -> None:
        present = self._list_present()
        for path in present:
            if path.parent == self.places.sysusers:
                self.system.run("systemd-sysusers", str(path))
        if job.takes_config_dir:
            # Not by tmpfiles.d: it refuses files of root in a folder of another user.
            owner = f"{job.user}:{job.group}"
            self.system.run("chown", "--recursive", "--no-dereference", owner, str(CONFIG_DIR))
        for path in present:
            if path.parent == self.places.tmpfiles:
                self.system.run("systemd-tmpfiles", "--create", str(path))

    def _run_systemctl(self, *words: str) -> None:
        self.system.run(*self._build_argv(*words))

    def _build_argv(self, *words: str) -> tuple[str, ...]:
        return ("systemctl", *(["--user"] if self.places.of_user else []), *words)


@dataclass(frozen=True)
class Cron:
    """A block in the crontab of `user`, or in the caller's own if that is None."""

    user: str | None
    system: System
    name: str = ""

    def render(self, job: Job) -> str:
        """Return the block with its markers."""
        return cron.add_markers(cron.format_block(job), self.name)

    def install(self, job: Job) -> None:
        """Add the block to the crontab, or replace the existing one."""
        crontab = self._read()
        before, block, after = cron.split(crontab, self.name)
        for call in parse_crontab(before + after):
            _refuse_shared_data("a line in the crontab", call, job)
        if own := _parse_first_call(block):
            self._refuse_if(_find_difference(own, job), own)
        wanted = cron.replace_block(crontab, cron.format_block(job), self.name)
        if wanted == crontab:
            self.system.report("unchanged: the crontab")
        else:
            self._write(crontab, wanted)

    def uninstall(self, config: Path | None = None) -> None:
        """Remove the block from the crontab, unless it belongs to another configuration."""
        crontab = self._read()
        block = cron.split(crontab, self.name).block
        call = _parse_first_call(block)
        if config and call:
            self._refuse_if(_find_other_configuration(call, config), call)
        if block is None:
            self.system.report("nothing to remove")
        else:
            self._write(crontab, cron.remove_block(crontab, self.name))

    def status(self, job: Job) -> Status:
        """Return the status of the block."""
        block = cron.split(self._read(), self.name).block
        state = _describe_state(block, cron.format_block(job), _parse_first_call(block), job)
        return Status((f"crontab: {state}",), block is not None, state == _UP_TO_DATE)

    def _refuse_if(self, difference: str, call: Call) -> None:
        user = ["--user"] if self.user is None else []
        _refuse_if(difference, "the block in the crontab", call, ["cron", *user], self.name)

    def _read(self) -> str:
        output = self.system.query("crontab", *self._user_option, "-l")
        # Any other failure must not be taken for an empty crontab: its lines would be lost.
        if not output.ok and "no crontab" not in output.reason:
            raise ScheduleError(f"the crontab cannot be read: {output.reason}")
        return output.text if output.ok else ""

    def _write(self, crontab: str, wanted: str) -> None:
        """Report the difference and replace the crontab, unless its block was edited."""
        block = cron.split(crontab, self.name).block
        if block is not None and (found := get_origin(block)) is not Origin.OURS:
            raise ScheduleError(
                f"the block in the crontab is {found}, so it is left alone: remove it with"
                " `crontab -e` first"
            )
        before, after = crontab.splitlines(), wanted.splitlines()
        for line in (
            *(f"- {each}" for each in before if each not in after),
            *(f"+ {each}" for each in after if each not in before),
        ):
            self.system.report(line)
        self.system.run("crontab", *self._user_option, "-", stdin=wanted)

    @property
    def _user_option(self) -> tuple[str, ...]:
        return () if self.user is None else ("-u", self.user)


def _find_difference(call: Call, job: Job) -> str:
    """Return how a job differs from an installed instance, if that is another; else nothing."""
    if other := _find_other_configuration(call, job.config):
        return other
    if call.data_dir and not call.stores_in(job.data_dir):
        return f"stores its data in {call.data_dir}, not in {job.data_dir}"
    return f"runs as {call.user}, not as {job.user}" if call.user not in (None, job.user) else ""


def _find_other_configuration(call: Call, config: Path) -> str:
    return "" if call.is_of(config) else f"runs the passes of {call.config}, not of {config}"


def _refuse_if(difference: str, what: str, call: Call, kind: Sequence[str], name: str) -> None:
    """Raise ScheduleError if a schedule is another instance's, whose passes would stop.

    `kind` and `name` are the options of the command that removes it.
    """
    if difference:
        options = [*kind, *(["--name", name] if name else []), "--uninstall"]
        config = ["--config", str(call.config)] if call.config else []
        undo = shlex.join([*config, "schedule", *options])
        raise ScheduleError(
            f"{what} {difference}: add --name NAME for a second instance, or remove the first:"
            f" `cldmon {undo}`"
        )


def _refuse_shared_data(what: str, call: Call, job: Job) -> None:
    """Raise ScheduleError if an instance shares its data: each would drop the other's accounts."""
    if call.stores_in(job.data_dir):
        raise ScheduleError(
            f"{what} runs passes that store their data in {call.data_dir}, too: give {job.config}"
            " a data_dir of its own"
        )


def _parse_first_call(block: str | None) -> Call | None:
    return next(iter(parse_crontab(block or "")), None)


def _describe_state(text: str | None, wanted: str, call: Call | None, job: Job) -> str:
    """Return the state of an installed text, compared with the one that would be installed."""
    if text is None:
        return "not installed"
    if text == wanted:
        return _UP_TO_DATE
    if call and (difference := _find_difference(call, job)):
        return f"of another instance: it {difference}"
    found = get_origin(text)
    return "out of date: --install updates it" if found is Origin.OURS else str(found)
