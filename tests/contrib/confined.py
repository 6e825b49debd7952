"""What a unit's service may do, put around a program without a systemd that runs.

As many of the unit's restrictions as bubblewrap and seccomp can set: file systems, devices, /tmp,
homes, user namespace, capabilities, and the very list of system calls that systemd would allow.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import errno
import subprocess
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
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
    """Run a program as a unit's service would; of all else it may write to nothing."""
    with _filter(settings(unit)) as seccomp:
        return subprocess.run(
            [*_bubble(settings(unit), writable, readable), "--seccomp", str(seccomp), *argv],
            env=dict(env),
            pass_fds=[seccomp],
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
    if unit["CapabilityBoundingSet"] == [""]:
        yield from ("--cap-drop", "ALL")
    yield from ("--unshare-ipc", "--new-session")


@contextlib.contextmanager
def _filter(unit: Mapping[str, Sequence[str]]) -> Iterator[int]:
    """Yield a file that holds the unit's list of system calls, compiled for the kernel."""
    library = ctypes.CDLL(ctypes.util.find_library("seccomp"))
    library.seccomp_init.restype = ctypes.c_void_p
    error = getattr(errno, unit["SystemCallErrorNumber"][0])
    context = ctypes.c_void_p(library.seccomp_init(_ERRNO | error))
    try:
        for name in _allowed(unit["SystemCallFilter"]):
            number = library.seccomp_syscall_resolve_name(name.encode())
            if number >= 0:  # others are of other processors
                assert library.seccomp_rule_add_array(context, _ALLOW, number, 0, None) == 0
        with tempfile.TemporaryFile() as program:
            assert library.seccomp_export_bpf(context, program.fileno()) == 0
            program.seek(0)
            yield program.fileno()
    finally:
        library.seccomp_release(context)


def _allowed(lines: Sequence[str]) -> set[str]:
    allowed = _members("@default")
    for line in lines:
        names = {n for word in line.removeprefix("~").split() for n in _members(word)}
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def _members(word: str) -> set[str]:
    """Return the system calls of a set, as this machine's systemd defines it."""
    if not word.startswith("@"):
        return {word}
    argv = ["systemd-analyze", "syscall-filter", "--no-pager", word]
    listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    words = [line.strip() for line in listed.splitlines()[1:]]
    return {name for w in words if w and not w.startswith("#") for name in _members(w)}
