"""Putting a job onto the machine, taking it away again, and saying how it stands.

Only what cldmon wrote for the same configuration, and nobody changed since, is replaced or removed;
see `seal`.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cldmon.config.installed import FETCH_SERVICES, FetchService, crontab_calls, settings
from cldmon.errors import ScheduleError
from cldmon.schedule import cron, systemd
from cldmon.schedule.checksum import Origin, origin
from cldmon.schedule.job import CONFIG_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cldmon.config.installed import Call
    from cldmon.schedule.job import Job
    from cldmon.schedule.system import System
    from cldmon.schedule.systemd import Places

_UP_TO_DATE = "up to date"


@dataclass(frozen=True, slots=True)
class Status:
    """How a schedule stands, in lines to be read, and whether it starts passes.

    It is up to date if all of it is as it would be installed now.
    """

    lines: tuple[str, ...]
    running: bool
    up_to_date: bool


class Schedule(Protocol):
    """What starts the passes."""

    def text(self, job: Job) -> str:
        """Return all that would be installed, to be read."""

    def install(self, job: Job) -> None:
        """Install it, or bring it up to date; raises ScheduleError or StoreError."""

    def uninstall(self, config: Path | None = None) -> None:
        """Take away what `install` brought, and only that; raises as `install`.

        `config` is the configuration in use: what makes the passes of another is left alone.
        """

    def status(self, job: Job) -> Status:
        """Return how it stands; raises as `install`."""


@dataclass(frozen=True)
class Systemd:
    """Timer and services, for the system's manager or for a user's own."""

    places: Places
    system: System

    def text(self, job: Job) -> str:
        """Return every file with its path, as `systemctl cat` shows them."""
        wanted = systemd.files(job, self.places)
        return "\n".join(f"# {path}\n{text}" for path, text in wanted.items())

    def install(self, job: Job) -> None:
        """Write the files, make user and folders, start the timer."""
        self._reach()
        wanted = systemd.files(job, self.places)
        for path in wanted:
            self._refuse_foreign(path)
        self._refuse_instance_of_another(job.config)
        self._refuse_shared_data(job)
        for path, text in wanted.items():
            self._put(path, text)
        for path in set(self._present()) - set(wanted):
            if self._is_ours(path):
                self._remove(path)
        if not self.places.of_user:
            self._prepare(job)
        self._systemctl("daemon-reload")
        self._systemctl("enable", self.places.timer)
        self._systemctl("restart", self.places.timer)
        self._systemctl("try-restart", self.places.serve)
        for path in wanted:
            if path.parent == self.places.apparmor:
                self.system.run("apparmor_parser", "--replace", str(path))

    def uninstall(self, config: Path | None = None) -> None:
        """Stop timer and services and remove the files; user, configuration and data stay."""
        self._reach()
        if config:
            self._refuse_instance_of_another(config)
        ours = [path for path in self._present() if self._is_ours(path)]
        if not ours:
            self.system.say("nothing to remove")
        units = [path.name for path in ours if path.parent == self.places.units]
        if units:
            self._systemctl("disable", "--now", *units)
        for path in ours:
            self._remove(path)
        if units:
            self._systemctl("daemon-reload")

    def status(self, job: Job) -> Status:
        """Return how each file stands, and what systemd says of the timer."""
        self._reach()
        wanted = systemd.files(job, self.places)
        standing = {
            path: _standing(self.system.read(path), text, self._call(path), job)
            for path, text in wanted.items()
        }
        asked = self.system.ask(*self._argv("show", "--property=ActiveState", self.places.timer))
        state = asked.text.strip().removeprefix("ActiveState=")
        lines = [f"{path}: {how}" for path, how in standing.items()]
        return Status(
            (*lines, f"{self.places.timer}: {state or 'unknown'}"),
            running=state == "active",
            up_to_date=all(how == _UP_TO_DATE for how in standing.values()),
        )

    def _refuse_instance_of_another(self, config: Path) -> None:
        path = self.places.units / self.places.fetch
        if call := self._call(path):
            user = ["--user"] if self.places.of_user else []
            _refuse_another(str(path), call, config, ["systemd", *user, *_named(self.places.name)])

    def _refuse_shared_data(self, job: Job) -> None:
        for path in sorted(self.places.units.glob(FETCH_SERVICES)):
            call = self._call(path) if path.name != self.places.fetch else None
            if call:
                _refuse_shared(str(path), call, job)

    def _call(self, path: Path) -> Call | None:
        """Return what a service calls."""
        text = self.system.read(path) if path.suffix == ".service" else None
        return None if text is None else FetchService(path, settings(text)).call

    def _put(self, path: Path, text: str) -> None:
        if self.system.read(path) == text:
            self.system.say(f"unchanged: {path}")
        else:
            self.system.write(path, text)

    def _remove(self, path: Path) -> None:
        if path.parent == self.places.apparmor:
            self.system.run("apparmor_parser", "--remove", str(path))
        self.system.remove(path)

    def _present(self) -> list[Path]:
        return [path for path in self.places.all_files if self.system.read(path) is not None]

    def _refuse_foreign(self, path: Path) -> None:
        found = self.system.read(path)
        if found is not None and (kind := origin(found)) is not Origin.OURS:
            raise ScheduleError(
                f"{path} is {kind}, so it is left alone: move it away first (changes of yours"
                f" belong into a drop-in: systemctl edit {path.name})"
            )

    def _is_ours(self, path: Path) -> bool:
        kind = origin(self.system.read(path) or "")
        if kind is not Origin.OURS:
            self.system.say(f"left alone: {path} is {kind}")
        return kind is Origin.OURS

    def _prepare(self, job: Job) -> None:
        """Make the user and the folders of the system's services."""
        present = self._present()
        for path in present:
            if path.parent == self.places.sysusers:
                self.system.run("systemd-sysusers", str(path))
        if job.takes_config_dir:
            # Not by tmpfiles.d: it refuses root's files in somebody else's folder.
            owner = f"{job.user}:{job.group}"
            self.system.run("chown", "--recursive", "--no-dereference", owner, str(CONFIG_DIR))
        for path in present:
            if path.parent == self.places.tmpfiles:
                self.system.run("systemd-tmpfiles", "--create", str(path))

    def _reach(self) -> None:
        """Raise ScheduleError where there is no manager that would read the files."""
        if not self.system.ask(*self._argv("show", "--property=Version")).ok:
            raise ScheduleError(f"`{' '.join(self._argv())}` reaches no systemd: {self._advice()}")

    def _advice(self) -> str:
        if self.places.of_user:
            return "log in as that user (not through su or sudo), or try `cldmon schedule cron`"
        return "this machine was not started by it; try `cldmon schedule cron`"

    def _systemctl(self, *words: str) -> None:
        self.system.run(*self._argv(*words))

    def _argv(self, *words: str) -> tuple[str, ...]:
        return ("systemctl", *(["--user"] if self.places.of_user else []), *words)


@dataclass(frozen=True)
class Cron:
    """A block in the crontab of `user`; in the caller's own where that is None."""

    user: str | None
    system: System
    name: str = ""

    def text(self, job: Job) -> str:
        """Return the block with its markers."""
        return cron.framed(cron.block(job), self.name)

    def install(self, job: Job) -> None:
        """Put the block into the crontab, in the place of the present one."""
        present = self._present()
        self._refuse_block_of_another(present, job.config)
        around = cron.parts(present, self.name)
        for call in crontab_calls(around.before + around.after):
            _refuse_shared("a line in the crontab", call, job)
        wanted = cron.with_block(present, cron.block(job), self.name)
        if wanted == present:
            self.system.say("unchanged: the crontab")
        else:
            self._replace(present, wanted)

    def uninstall(self, config: Path | None = None) -> None:
        """Take the block out of the crontab."""
        present = self._present()
        if config:
            self._refuse_block_of_another(present, config)
        if cron.parts(present, self.name).block is None:
            self.system.say("nothing to remove")
        else:
            self._replace(present, cron.without_block(present, self.name))

    def status(self, job: Job) -> Status:
        """Return how the block stands."""
        found = cron.parts(self._present(), self.name).block
        how = _standing(found, cron.block(job), _call_of(found), job)
        return Status((f"crontab: {how}",), found is not None, how == _UP_TO_DATE)

    def _refuse_block_of_another(self, present: str, config: Path) -> None:
        if call := _call_of(cron.parts(present, self.name).block):
            user = ["--user"] if self.user is None else []
            what = "the block in the crontab"
            _refuse_another(what, call, config, ["cron", *user, *_named(self.name)])

    def _present(self) -> str:
        asked = self.system.ask("crontab", *self._whose(), "-l")
        # Any other failure must not look like an empty one: its lines would be lost.
        if not asked.ok and "no crontab" not in asked.reason:
            raise ScheduleError(f"the crontab cannot be read: {asked.reason}")
        return asked.text if asked.ok else ""

    def _replace(self, present: str, wanted: str) -> None:
        found = cron.parts(present, self.name).block
        if found is not None and (kind := origin(found)) is not Origin.OURS:
            raise ScheduleError(
                f"the block in the crontab is {kind}, so it is left alone: remove it with"
                " `crontab -e` first"
            )
        for line in _difference(present, wanted):
            self.system.say(line)
        self.system.run("crontab", *self._whose(), "-", given=wanted)

    def _whose(self) -> tuple[str, ...]:
        return () if self.user is None else ("-u", self.user)


def _refuse_another(what: str, call: Call, config: Path, options: Sequence[str]) -> None:
    """Raise ScheduleError for what makes the passes of another configuration: they would stop.

    `options` are those of the command that removes it.
    """
    if not call.is_of(config):
        undo = shlex.join(["--config", str(call.config), "schedule", *options, "--uninstall"])
        raise ScheduleError(
            f"{what} makes the passes of {call.config}, not of {config}: --name NAME stands for a"
            f" second instance beside it; to remove the first: `cldmon {undo}`"
        )


def _refuse_shared(what: str, call: Call, job: Job) -> None:
    """Raise ScheduleError for data of another instance: each would forget the other's accounts."""
    if call.data_dir == job.data_dir:
        raise ScheduleError(
            f"{what} makes passes that keep their data in {call.data_dir}, too: give {job.config} a"
            " data_dir of its own"
        )


def _call_of(block: str | None) -> Call | None:
    return next(iter(crontab_calls(block or "")), None)


def _named(name: str) -> list[str]:
    return ["--name", name] if name else []


def _standing(found: str | None, wanted: str, call: Call | None, job: Job) -> str:
    if found is None:
        return "not there"
    if found == wanted:
        return _UP_TO_DATE
    if call and not call.is_of(job.config):
        return f"of another configuration, {call.config}"
    kind = origin(found)
    return "out of date: --install brings it up to date" if kind is Origin.OURS else str(kind)


def _difference(present: str, wanted: str) -> Iterator[str]:
    before, after = present.splitlines(), wanted.splitlines()
    yield from (f"- {line}" for line in before if line not in after)
    yield from (f"+ {line}" for line in after if line not in before)
