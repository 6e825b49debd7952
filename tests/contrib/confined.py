"""The restrictions of a unit, applied to a program without a running systemd.

Those that bubblewrap and seccomp can apply: file systems, devices, /tmp, homes, /proc/sys, the user
namespace, capabilities, no new privileges, the same list of system calls that systemd would allow,
and the arguments it would reject (see `seccomp`). Not applied: control groups (memory, tasks),
hiding other users' processes in /proc, and the clock and the kernel log, for which no capability is
left.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests import namespaces
from tests.contrib import seccomp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SERVICE_UID = "994"


def settings(unit: str) -> dict[str, list[str]]:
    """Return every setting of a unit's text with its values, in order."""
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def run(
    unit: str,
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    writable: Sequence[Path],
    readable: Sequence[Path],
) -> subprocess.CompletedProcess[str]:
    """Run a program with a unit's restrictions; it can write only to `writable`."""
    namespaces.require()
    found = settings(unit)
    with seccomp.listed(found) as listed, seccomp.restricted(found) as restricted:
        filters = [
            word for file in (restricted, listed) for word in ("--add-seccomp-fd", str(file))
        ]
        return subprocess.run(
            [*_bubble(found, writable, readable), *filters, *argv],
            env=dict(env),
            pass_fds=[listed, restricted],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def _bubble(
    unit: Mapping[str, Sequence[str]], writable: Sequence[Path], readable: Sequence[Path]
) -> Iterator[str]:
    assert unit["ProtectSystem"] == ["strict"]
    yield from ("bwrap", "--die-with-parent", "--ro-bind", "/", "/", "--proc", "/proc")
    if unit["PrivateDevices"] == ["yes"]:
        yield from ("--dev", "/dev", "--tmpfs", "/dev/shm")  # noqa: S108
    if unit["ProtectHome"] == ["yes"]:
        yield from ("--tmpfs", "/home", "--tmpfs", "/root")
    if unit["PrivateTmp"] == ["yes"]:
        yield from ("--tmpfs", "/tmp", "--tmpfs", "/var/tmp")  # noqa: S108
    for path in readable:
        yield from ("--ro-bind", str(path), str(path))
    for path in writable:
        yield from ("--bind", str(path), str(path))
    if unit["PrivateUsers"] == ["yes"]:
        yield from ("--unshare-user", "--uid", SERVICE_UID, "--gid", SERVICE_UID)
    if unit["ProtectKernelTunables"] == ["yes"]:
        yield from ("--ro-bind", "/proc/sys", "/proc/sys")
    if unit["CapabilityBoundingSet"] == [""]:
        yield from ("--cap-drop", "ALL")
    yield from ("--unshare-ipc", "--new-session")
