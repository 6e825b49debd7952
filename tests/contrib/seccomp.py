"""A unit's system call filters as seccomp programs: by name, and by argument.

Source: systemd.exec(5), seccomp_rule_add(3); `src/shared/seccomp-util.c` of systemd for what each
setting rejects, and how.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os
import socket
import stat
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Unit = Mapping[str, Sequence[str]]

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NE, _EQ, _GT, _MASKED = 1, 4, 6, 7
_NAMESPACES = {
    "mnt": 0x00020000,
    "cgroup": 0x02000000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
}
_FAMILIES = 64
_PROT_WRITE, _PROT_EXEC, _SHM_EXEC = 2, 4, 0o100000
_MODES = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "mkdir": 1, "mkdirat": 2, "mknodat": 2}
"""The index of the argument that is a file mode."""


class _Condition(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class Refusal(NamedTuple):
    """A system call that fails with an error number, always or if a condition holds."""

    name: str
    error: int
    condition: tuple[int, ...] = ()


@contextmanager
def listed(unit: Unit) -> Iterator[int]:
    """Yield a file with the unit's list of allowed system calls; all others fail."""
    error = getattr(errno, unit["SystemCallErrorNumber"][0])
    with _program(_ERRNO | error, ((name, _ALLOW, ()) for name in _list_allowed(unit))) as file:
        yield file


@contextmanager
def restricted(unit: Unit) -> Iterator[int]:
    """Yield a file with the calls that the unit rejects by their arguments."""
    refused = [
        *_namespaces(unit["RestrictNamespaces"][0]),
        *_families(unit["RestrictAddressFamilies"][0].split()),
        *(_writable_code() if unit.get("MemoryDenyWriteExecute") == ["yes"] else ()),
        *(_set_ids() if unit["RestrictSUIDSGID"] == ["yes"] else ()),
        *(_realtime() if unit["RestrictRealtime"] == ["yes"] else ()),
        *(_personalities() if unit["LockPersonality"] == ["yes"] else ()),
    ]
    with _program(_ALLOW, ((r.name, _ERRNO | r.error, r.condition) for r in refused)) as file:
        yield file


@contextmanager
def _program(default: int, rules: Iterator[tuple[str, int, tuple[int, ...]]]) -> Iterator[int]:
    library = ctypes.CDLL(ctypes.util.find_library("seccomp"))
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(default))
    try:
        for name, action, condition in rules:
            number = library.seccomp_syscall_resolve_name(name.encode())
            given = [_Condition(*condition)] if condition else []
            array = (_Condition * len(given))(*given)
            if number >= 0:  # others are of other processors
                added = library.seccomp_rule_add_array(context, action, number, len(given), array)
                assert added == 0, (name, added)
        with tempfile.TemporaryFile() as file:
            assert library.seccomp_export_bpf(context, file.fileno()) == 0
            file.seek(0)
            yield file.fileno()
    finally:
        library.seccomp_release(context)


def _namespaces(setting: str) -> Iterator[Refusal]:
    if setting == "no":
        return
    allowed = set() if setting == "yes" else set(setting.split())
    yield Refusal("clone3", errno.ENOSYS)  # its flags cannot be looked at
    yield Refusal("setns", errno.EPERM, (1, _EQ, 0))
    for name in _NAMESPACES.keys() - allowed:
        for call, argument in {"clone": 0, "unshare": 0, "setns": 1}.items():
            yield Refusal(call, errno.EPERM, _has(argument, _NAMESPACES[name]))


def _families(allowed: Sequence[str]) -> Iterator[Refusal]:
    numbers = {int(getattr(socket, name)) for name in allowed}
    for number in set(range(_FAMILIES)) - numbers:
        yield Refusal("socket", errno.EAFNOSUPPORT, (0, _EQ, number))
    yield Refusal("socket", errno.EAFNOSUPPORT, (0, _GT, _FAMILIES - 1))


def _writable_code() -> Iterator[Refusal]:
    yield Refusal("mmap", errno.EPERM, _has(2, _PROT_WRITE | _PROT_EXEC))
    yield Refusal("mprotect", errno.EPERM, _has(2, _PROT_EXEC))
    yield Refusal("pkey_mprotect", errno.EPERM, _has(2, _PROT_EXEC))
    yield Refusal("shmat", errno.EPERM, _has(2, _SHM_EXEC))


def _set_ids() -> Iterator[Refusal]:
    yield Refusal("openat2", errno.ENOSYS)
    for bit in (stat.S_ISUID, stat.S_ISGID):
        for name, argument in _MODES.items():
            yield Refusal(name, errno.EPERM, _has(argument, bit))


def _realtime() -> Iterator[Refusal]:
    for policy in (os.SCHED_FIFO, os.SCHED_RR, 6):  # SCHED_DEADLINE
        yield Refusal("sched_setscheduler", errno.EPERM, (1, _EQ, policy))


def _personalities() -> Iterator[Refusal]:
    own = int(Path("/proc/self/personality").read_text(), 16)
    yield Refusal("personality", errno.EPERM, (0, _NE, own))


def _has(argument: int, bits: int) -> tuple[int, int, int, int]:
    return argument, _MASKED, bits, bits


def _list_allowed(unit: Unit) -> set[str]:
    allowed = _members("@default")
    for line in unit["SystemCallFilter"]:
        names = {n for word in line.removeprefix("~").split() for n in _members(word)}
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def _members(word: str) -> set[str]:
    """Return the system calls of a set, as this machine's systemd defines it."""
    if not word.startswith("@"):
        return {word}
    argv = ["systemd-analyze", "syscall-filter", "--no-pager", word]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    words = [line.strip() for line in told.splitlines()[1:]]
    return {name for w in words if w and not w.startswith("#") for name in _members(w)}
