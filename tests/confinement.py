"""The limits of a unit, set by the kernel: how many tasks and how much memory a program may have.

Control groups set them where possible, as systemd does; elsewhere `prlimit`, which counts all tasks
of a user and none of root's.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.env import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

UNITS = Path(__file__).resolve().parents[1] / "contrib" / "systemd"
_ROOT = Path("/sys/fs/cgroup")
_SIZES = {"K": 10, "M": 20, "G": 30}
_numbers = itertools.count()


@dataclass(frozen=True)
class Limits:
    """How many tasks and bytes of memory; None: no limit."""

    tasks: int | None = None
    memory: int | None = None


def read_unit_limits(name: str) -> Limits:
    """Return the limits in a unit of contrib/systemd."""
    lines = (line.partition("=") for line in (UNITS / name).read_text("utf-8").splitlines())
    found = {key: value for key, _, value in lines}
    memory = found["MemoryMax"]
    return Limits(int(found["TasksMax"]), int(memory[:-1]) << _SIZES[memory[-1]])


@contextlib.contextmanager
def run_within(limits: Limits) -> Iterator[list[str]]:
    """Yield the words that, put before a command, run it within limits."""
    with contextlib.ExitStack() as stack:
        groups = [stack.enter_context(_make_group(place)) for place in _cgroup_folders()]
        if not groups:
            yield _prlimit_command(limits)
            return
        for group in groups:
            _set_limits(group, limits)
        enter = "".join(f'echo $$ >"{group}/cgroup.procs" && ' for group in groups)
        yield ["sh", "-c", f'{enter}exec "$@"', "sh"]


def get_mechanism() -> str:
    """Return what sets limits here: `cgroup` or `prlimit`."""
    return "cgroup" if _cgroup_folders() else "prlimit"


def _cgroup_folders() -> list[Path]:
    """Return the folders in which control groups with these limits can be made, if any."""
    for places in ([_ROOT / "memory", _ROOT / "pids"], [_ROOT]):
        if all(_offers_limits(place) for place in places):
            return places
    return []


def _offers_limits(place: Path) -> bool:
    if not ((place / "cgroup.procs").exists() and os.access(place, os.W_OK)):
        return False
    handed_down = place / "cgroup.subtree_control"  # of the second version of control groups
    return not handed_down.exists() or {"memory", "pids"} <= {*handed_down.read_text().split()}


@contextlib.contextmanager
def _make_group(place: Path) -> Iterator[Path]:
    group = place / f"cldmon-case-{os.getpid()}-{next(_numbers)}"
    group.mkdir()
    try:
        yield group
    finally:
        wait_until(lambda: _is_removed(group))


def _is_removed(group: Path) -> bool:
    with contextlib.suppress(OSError):  # the kernel still counts those that have just ended
        group.rmdir()
    return not group.exists()


def _set_limits(group: Path, limits: Limits) -> None:
    names = {
        "memory.limit_in_bytes": limits.memory,
        "memory.memsw.limit_in_bytes": limits.memory,
        "memory.max": limits.memory,
        "pids.max": limits.tasks,
    }
    for name, most in names.items():
        if most is not None and (group / name).exists():
            (group / name).write_text(str(most))


def _prlimit_command(limits: Limits) -> list[str]:
    words = ["prlimit"]
    if limits.memory is not None:
        words.append(f"--data={limits.memory}")
    if limits.tasks is not None:
        words.append(f"--nproc={_count_own_tasks() + limits.tasks}")
    return words


def _count_own_tasks() -> int:
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.stat().st_uid == os.getuid():
                found += len([*(process / "task").iterdir()])
    return found
