"""A job's systemd units, and the AppArmor profile of its browser, as text; pure.

Source: systemd.service(5), systemd.timer(5), systemd.exec(5), sysusers.d(5), tmpfiles.d(5).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cldmon.claude import apparmor
from cldmon.schedule.checksum import add_checksum
from cldmon.schedule.job import CONFIG_DIR, SEND_DIGEST, SERVICE_USER, STATE_DIR
from cldmon.web import connections

if TYPE_CHECKING:
    from cldmon.schedule.job import Job

_SERVE_TASKS = connections.MAX_CONNECTIONS + 128
"""One thread per connection, and some for requests to Slack."""


UNITS = ("fetch.service", "fetch.timer", "serve.service", "digest.service", "digest.timer")


class Places(NamedTuple):
    """The folders of systemd and AppArmor, and the names of an instance's files.

    A user's own manager has units only. The first instance has no name.
    """

    units: Path
    sysusers: Path | None = None
    tmpfiles: Path | None = None
    apparmor: Path | None = None
    name: str = ""

    @property
    def _stem(self) -> str:
        return f"cldmon-{self.name}" if self.name else "cldmon"

    def unit(self, suffix: str) -> Path:
        """Return the file of a unit: `fetch.timer` starts the passes, `serve.service` serves."""
        return self.units / f"{self._stem}-{suffix}"

    @property
    def conf(self) -> str:
        """The sysusers.d file, and the tmpfiles.d file."""
        return f"{self._stem}.conf"

    @property
    def profile(self) -> str:
        """The AppArmor profile of the browser, and its file."""
        return f"{self._stem}-browser"

    @property
    def of_user(self) -> bool:
        """Whether they belong to a user's own manager."""
        return self.sysusers is None

    @property
    def all_files(self) -> tuple[Path, ...]:
        """Every file that a job may have."""
        conf = (each / self.conf for each in (self.sysusers, self.tmpfiles) if each)
        profiles = (self.apparmor / self.profile,) if self.apparmor else ()
        return (*conf, *map(self.unit, UNITS), *profiles)


SYSTEM = Places(
    Path("/etc/systemd/system"), Path("/etc/sysusers.d"), Path("/etc/tmpfiles.d"), apparmor.FOLDER
)


def generate_files(job: Job, places: Places) -> dict[Path, str]:
    """Return every file of a job, for the system's manager or a user's own."""
    texts: dict[Path, str] = {}
    hardening, target = _UNPRIVILEGED, "default.target"
    if places.sysusers and places.tmpfiles:
        hardening, target = _render_system_settings(job), "multi-user.target"
        if job.user == SERVICE_USER:
            texts[places.sysusers / places.conf] = f'u {SERVICE_USER} - "cldmon" {STATE_DIR} -\n'
        folders = [CONFIG_DIR] if job.takes_config_dir else []
        if job.data_dir != STATE_DIR:
            folders.append(job.data_dir)
        if folders:
            texts[places.tmpfiles / places.conf] = "".join(
                f"d {_quote(folder)} 0700 {job.user} {job.group} -\n" for folder in folders
            )
    variables = "".join(f"Environment={_quote(f'{n}={v}')}\n" for n, v in job.variables)
    fetch = _FETCH.format(command=_format_command(job, "fetch"), variables=variables)
    serve = _SERVE.format(
        command=_format_command(job, "serve"), variables=variables, tasks=_SERVE_TASKS
    )
    install = f"\n[Install]\nWantedBy={target}\n"
    texts[places.unit("fetch.service")] = fetch + hardening + _FOR_CHROMIUM
    texts[places.unit("fetch.timer")] = _render_timer(job.interval)
    texts[places.unit("serve.service")] = serve + hardening + _FOR_SERVE + install
    if job.digest:
        command = _format_command(job, *SEND_DIGEST)
        digest = _DIGEST.format(command=command, variables=variables)
        texts[places.unit("digest.service")] = digest + hardening + _FOR_DIGEST
        texts[places.unit("digest.timer")] = _DIGEST_TIMER
    if places.apparmor and job.browser:
        profile = apparmor.render_profile(job.browser, places.profile)
        texts[places.apparmor / places.profile] = profile
    return {path: add_checksum(text) for path, text in texts.items()}


def _render_timer(interval: timedelta) -> str:
    """Return the timer that starts a pass every `interval`.

    It follows the calendar if the interval divides the hour or the day evenly, so that a pass that
    was missed while the machine was off is run later. Other intervals count from pass to pass.
    """
    minutes, hours = interval / timedelta(minutes=1), interval / timedelta(hours=1)
    if minutes.is_integer() and minutes < 60 and 60 % minutes == 0:
        schedule = f"OnCalendar=*:0/{minutes:.0f}\nPersistent=true"
    elif hours.is_integer() and hours < 24 and 24 % hours == 0:
        schedule = f"OnCalendar=0/{hours:.0f}:00\nPersistent=true"
    elif hours == 24:
        schedule = "OnCalendar=daily\nPersistent=true"
    else:
        schedule = f"OnActiveSec=0\nOnUnitActiveSec={_format_span(interval)}"
    return _TIMER.format(
        minutes=f"{minutes:g}", schedule=schedule, delay=_format_span(interval / 10)
    )


def _format_span(length: timedelta) -> str:
    """Return a time span in systemd's notation, in whole seconds or milliseconds."""
    milliseconds = max(1, round(length / timedelta(milliseconds=1)))
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def _render_system_settings(job: Job) -> str:
    """Return the user, the writable folders and the hardening of a system service."""
    lines = [f"User={job.user}"]
    # A missing textfile folder must not keep the pass from starting, hence the "-".
    writable = [f"-{folder}" for folder in job.written]
    if job.data_dir == STATE_DIR:
        lines += ["StateDirectory=cldmon", "StateDirectoryMode=0700"]
    else:
        writable.insert(0, str(job.data_dir))  # created by tmpfiles.d
    if writable:
        lines.append(f"ReadWritePaths={' '.join(map(_quote, writable))}")
    hardening = _HARDENED.format(homes="read-only" if job.needs_homes else "yes")
    return "\n".join(lines) + "\n" + hardening


def _format_command(job: Job, *command: str) -> str:
    words = job.command(*command)
    # systemd rejects quotes, \\ and $ in the path of the program, but not in an argument.
    env = ("/usr/bin/env",) if set(words[0]) & set("\"'\\$") else ()
    return " ".join(_quote(word).replace("$", "$$") for word in (*env, *words))


def _quote(text: object) -> str:
    """Return a text as one word of a unit file."""
    escaped = str(text).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if set(escaped) & set(" \t\"'\\;") else escaped


_TIMER = """\
[Unit]
Description=A pass of cldmon every {minutes} minutes

[Timer]
{schedule}
# Spread the load: each machine has its own delay, which stays the same.
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
# To be notified when a pass fails, name a unit of yours here, for example:
# OnFailure=notify-failure@%n.service

[Service]
Type=oneshot
ExecStart={command}
{variables}# Exit code 75: another pass is running, which is not a failure.
SuccessExitStatus=75
TimeoutStartSec=15min
TimeoutStopSec=30s
# Only cldmon itself gets SIGTERM; it stops its browser.
KillMode=mixed
Nice=10
MemoryMax=2G
TasksMax=1024
# No core dumps: memory contains session keys.
LimitCORE=0
UMask=0077
# Keys that only root can read: a credential named after each account's label, and one for Slack.
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
# Do not restart with an invalid configuration: someone has to fix it first.
RestartPreventExitStatus=2
TimeoutStopSec=30s
# By default, glibc keeps freed memory apart for up to 8 threads per core.
Environment=MALLOC_ARENA_MAX=2
MemoryMax=512M
TasksMax={tasks}
# No core dumps: memory contains session keys.
LimitCORE=0
UMask=0077
# LoadCredential=slack-bot-token:/etc/credstore/cldmon-slack
"""

_DIGEST_TIMER = """\
[Unit]
Description=The digest of cldmon every Monday

[Timer]
OnCalendar=Mon 09:05
Persistent=true
AccuracySec=1min

[Install]
WantedBy=timers.target
"""

_DIGEST = """\
[Unit]
Description=The weekly digest of cldmon, to the channels that want it
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={command}
{variables}# It waits until a pass that is running ends.
TimeoutStartSec=20min
TimeoutStopSec=30s
Nice=10
MemoryMax=1G
TasksMax=1024
# No core dumps: memory contains tokens.
LimitCORE=0
UMask=0077
# Without Slack's token, the digest waits for the next pass:
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

_UNPRIVILEGED = f"""\
# The hardening that a user's own manager can apply without privileges.
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
# Chromium's sandbox creates namespaces and changes its root. Chromium and the driver compile
# JavaScript in memory, so MemoryDenyWriteExecute must stay off.
RestrictNamespaces=user pid net mnt
SystemCallFilter=@system-service chroot seccomp
"""

_FOR_DIGEST = """\
RestrictNamespaces=yes
SystemCallFilter=@system-service
"""

_FOR_SERVE = """\
RestrictNamespaces=yes
MemoryDenyWriteExecute=yes
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
"""
