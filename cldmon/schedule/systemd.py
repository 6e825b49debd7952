"""The units of a job as texts, and the AppArmor profile of its browser; pure.

Source: systemd.service(5), systemd.timer(5), systemd.exec(5), sysusers.d(5), tmpfiles.d(5).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cldmon.claude import apparmor
from cldmon.schedule.checksum import with_checksum
from cldmon.schedule.job import CONFIG_DIR, SERVICE_USER, STATE_DIR
from cldmon.web import connections

if TYPE_CHECKING:
    from cldmon.schedule.job import Job

_SERVE_TASKS = connections.MAX_CONNECTIONS + 128
"""A thread for each connection, and some for what asks Slack."""

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class Places(NamedTuple):
    """The folders in which systemd and AppArmor look, and what the files of an instance are called.

    A user's own manager makes no users, folders and profiles. The first instance has no name.
    """

    units: Path
    sysusers: Path | None = None
    tmpfiles: Path | None = None
    apparmor: Path | None = None
    name: str = ""

    @property
    def fetch(self) -> str:
        """The service that makes a pass."""
        return f"{self._stem}-fetch.service"

    @property
    def timer(self) -> str:
        """What starts it."""
        return f"{self._stem}-fetch.timer"

    @property
    def serve(self) -> str:
        """The service of the API and the dashboard."""
        return f"{self._stem}-serve.service"

    @property
    def conf(self) -> str:
        """The file for users, and that for folders."""
        return f"{self._stem}.conf"

    @property
    def profile(self) -> str:
        """The AppArmor profile of the browser, and its file."""
        return f"{self._stem}-browser"

    @property
    def _stem(self) -> str:
        return f"cldmon-{self.name}" if self.name else "cldmon"

    @property
    def of_user(self) -> bool:
        """Whether they are those of a user's own manager."""
        return self.sysusers is None

    @property
    def all_files(self) -> tuple[Path, ...]:
        """Every file that a job may have."""
        others = (each / self.conf for each in (self.sysusers, self.tmpfiles) if each)
        profiles = (self.apparmor / self.profile,) if self.apparmor else ()
        units = (self.units / name for name in (self.fetch, self.timer, self.serve))
        return (*others, *units, *profiles)


SYSTEM = Places(
    Path("/etc/systemd/system"), Path("/etc/sysusers.d"), Path("/etc/tmpfiles.d"), apparmor.FOLDER
)
FETCH, TIMER, SERVE, CONF = SYSTEM.fetch, SYSTEM.timer, SYSTEM.serve, SYSTEM.conf
"""What the files of the first instance are called."""


def files(job: Job, places: Places) -> dict[Path, str]:
    """Return every file of a job with its text, for the system's manager or a user's own."""
    if places.sysusers is None or places.tmpfiles is None:
        return _below(places.units, _user_units(job, places))
    users = {places.conf: _users()} if job.user == SERVICE_USER else {}
    folders = {places.conf: lines} if (lines := _folders(job)) else {}
    return {
        **_below(places.sysusers, users),
        **_below(places.tmpfiles, folders),
        **_below(places.units, _system_units(job, places)),
        **_profiles(job, places),
    }


def _below(folder: Path, texts: dict[str, str]) -> dict[Path, str]:
    return {folder / name: with_checksum(text) for name, text in texts.items()}


def _profiles(job: Job, places: Places) -> dict[Path, str]:
    if places.apparmor is None or job.browser is None:
        return {}
    return _below(places.apparmor, {places.profile: apparmor.profile(job.browser, places.profile)})


def _system_units(job: Job, places: Places) -> dict[str, str]:
    home = _who(job) + _HARDENED.format(homes="read-only" if job.needs_homes else "yes")
    return {
        places.fetch: _fetch(job, home + _FOR_CHROMIUM),
        places.timer: _timer(job),
        places.serve: _serve(job, home + _FOR_SERVE, "multi-user.target"),
    }


def _user_units(job: Job, places: Places) -> dict[str, str]:
    return {
        places.fetch: _fetch(job, _MODEST + _FOR_CHROMIUM),
        places.timer: _timer(job),
        places.serve: _serve(job, _MODEST + _FOR_SERVE, "default.target"),
    }


def _fetch(job: Job, confined: str) -> str:
    return _FETCH.format(command=_command(job, "fetch"), variables=_variables(job)) + confined


def _serve(job: Job, confined: str, target: str) -> str:
    command, variables = _command(job, "serve"), _variables(job)
    head = _SERVE.format(command=command, variables=variables, tasks=_SERVE_TASKS)
    return f"{head}{confined}\n[Install]\nWantedBy={target}\n"


def _timer(job: Job) -> str:
    delay = _span(job.interval / 10)
    return _TIMER.format(every=_every(job.interval), rhythm=_rhythm(job.interval), delay=delay)


def _rhythm(interval: timedelta) -> str:
    """Return the lines that start a pass every `interval`.

    By the calendar where it divides evenly: then a pass missed while the machine was off is made
    up for. Any other interval counts from pass to pass.
    """
    minutes, rest = divmod(interval, timedelta(minutes=1))
    if not rest and minutes < 60 and 60 % minutes == 0:
        return f"OnCalendar=*:0/{minutes}\nPersistent=true"
    hours, rest = divmod(interval, _HOUR)
    if not rest and hours < 24 and 24 % hours == 0:
        return f"OnCalendar=0/{hours}:00\nPersistent=true"
    if interval == _DAY:
        return "OnCalendar=daily\nPersistent=true"
    return f"OnActiveSec=0\nOnUnitActiveSec={_span(interval)}"


def _every(interval: timedelta) -> str:
    return f"{interval / timedelta(minutes=1):g} minutes"


def _span(length: timedelta) -> str:
    """Return a time span in systemd's notation; a whole number of seconds or milliseconds."""
    milliseconds = max(1, round(length / timedelta(milliseconds=1)))
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def _who(job: Job) -> str:
    # StateDirectory makes the folder; any other is made by tmpfiles.d and opened here.
    lines = [f"User={job.user}"]
    if job.data_dir == STATE_DIR:
        lines += ["StateDirectory=cldmon", "StateDirectoryMode=0700"]
    # A folder of the textfile that is not there costs the textfile, not the pass.
    writable = [f"-{folder}" for folder in job.written]
    if job.data_dir != STATE_DIR:
        writable.insert(0, str(job.data_dir))
    if writable:
        lines.append(f"ReadWritePaths={' '.join(map(_word, writable))}")
    return "\n".join(lines) + "\n"


def _users() -> str:
    return f'u {SERVICE_USER} - "cldmon" {STATE_DIR} -\n'


def _folders(job: Job) -> str:
    lines = []
    if job.takes_config_dir:
        lines.append(f"d {_word(CONFIG_DIR)} 0700 {job.user} {job.group} -")
    if job.data_dir != STATE_DIR:
        lines.append(f"d {_word(job.data_dir)} 0700 {job.user} {job.group} -")
    return "".join(f"{line}\n" for line in lines)


def _variables(job: Job) -> str:
    return "".join(f"Environment={_word(f'{name}={value}')}\n" for name, value in job.variables)


def _command(job: Job, name: str) -> str:
    words = job.command(name)
    # systemd refuses such a program, though not such an argument.
    odd = set(words[0]) & set("\"'\\$")
    env = ("/usr/bin/env",) if odd else ()
    return " ".join(_word(word).replace("$", "$$") for word in (*env, *words))


def _word(text: object) -> str:
    """Return a text as one word of a unit file."""
    escaped = str(text).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if set(escaped) & set(" \t\"'\\;") else escaped


_TIMER = """\
[Unit]
Description=A pass of cldmon every {every}

[Timer]
{rhythm}
# Not all machines of the world at the same second; this one always at the same.
RandomizedDelaySec={delay}
FixedRandomDelay=true
AccuracySec=1s

[Install]
WantedBy=timers.target
"""

_FETCH = """\
[Unit]
Description=One pass of cldmon: how much of each Claude subscription is used
Wants=network-online.target
After=network-online.target
# Who is told when passes fail: a unit of yours, for example
# OnFailure=notify-failure@%n.service

[Service]
Type=oneshot
ExecStart={command}
{variables}# Another pass is running: no failure.
SuccessExitStatus=75
TimeoutStartSec=15min
TimeoutStopSec=30s
# Only cldmon itself is asked to end; it ends its browser.
KillMode=mixed
Nice=10
MemoryMax=2G
TasksMax=1024
# A crash writes no memory to the disk: there are keys in it.
LimitCORE=0
UMask=0077
# Keys that only root can read: a credential named like the account's label, another for Slack.
# LoadCredential=alice:/etc/credstore/cldmon-alice
# LoadCredential=slack-bot-token:/etc/credstore/cldmon-slack
"""

_SERVE = """\
[Unit]
Description=The HTTP API and the dashboard of cldmon
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart={command}
{variables}Restart=on-failure
RestartSec=5s
# A configuration that is refused stays refused until somebody fixes it.
RestartPreventExitStatus=2
TimeoutStopSec=30s
MemoryMax=512M
TasksMax={tasks}
# A crash writes no memory to the disk: there are keys in it.
LimitCORE=0
UMask=0077
# LoadCredential=slack-bot-token:/etc/credstore/cldmon-slack
"""

_FILTERED = """\
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
"""

_MODEST = f"""\
# What a user's own manager can do without rights of its own.
NoNewPrivileges=yes
{_FILTERED}"""

_HARDENED = f"""\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome={{homes}}
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateUsers=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RemoveIPC=yes
{_FILTERED}"""

_FOR_CHROMIUM = """\
# Chromium's own sandbox makes namespaces and changes its root; its JavaScript and that of the
# driver are compiled in memory, so MemoryDenyWriteExecute must stay off.
RestrictNamespaces=user pid net mnt
SystemCallFilter=@system-service chroot seccomp
"""

_FOR_SERVE = """\
RestrictNamespaces=yes
MemoryDenyWriteExecute=yes
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
"""
