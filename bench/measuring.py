"""Whole processes with all that they start: how long, how much processor, how much memory."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

CLDMON = str(Path(sys.executable).with_name("cldmon"))
HERE = Path(__file__).parent
BETWEEN_LOOKS = 0.1
"""Seconds; longer where looking itself takes long, so that it costs a tenth of a core at most."""


@dataclass(frozen=True)
class Cost:
    """What a process and all that it started took: seconds, CPU seconds, peak PSS in MiB."""

    wall: float
    cpu: float
    memory: float = 0.0


def environment(**more: str) -> dict[str, str]:
    """Return our environment for what is measured: byte code is cached, as it is once installed."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | more


def cost(command: Sequence[str], env: Mapping[str, str] | None = None) -> Cost:
    """Run a command, which has to succeed, and return what it took."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(command, env=env or environment(), stdout=subprocess.DEVNULL)
    with process, Watch(process.pid) as watch:
        code = process.wait()
        wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        raise SystemExit(f"bench: {' '.join(command[:6])} … ended with {code}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, watch.peak)


def seconds(task: Callable[[], object]) -> float:
    """Return how long a task takes, wall time."""
    begun = time.perf_counter()
    task()
    return time.perf_counter() - begun


def spawned(command: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """Return how long a process takes from its start to its end, in seconds."""
    env = env or environment()
    return seconds(lambda: subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True))


def rounds(count: int, *tasks: Callable[[], float]) -> list[tuple[float, ...]]:
    """Return what tasks measure, one right after the other, in so many rounds after a first one."""
    return [tuple(task() for task in tasks) for _ in range(count + 1)][1:]


def middle(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def ratio(found: Sequence[Sequence[float]], ours: int = 1, reference: int = 0) -> float:
    """Return the median of the ratios of paired measurements."""
    return middle(each[ours] / each[reference] for each in found)


def tree(root: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(process.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def pss_mib(pids: Iterable[int]) -> float:
    """Return the memory of processes in MiB, what they share counted once; the gone count 0."""
    return sum(map(_pss_kib, pids)) / 1024


def _pss_kib(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


@dataclass
class Watch:
    """Looks at a tree of processes while the block runs; `peak` is the most PSS seen, in MiB."""

    root: int
    peak: float = 0.0
    _end: Event = field(default_factory=Event)

    def __enter__(self) -> Watch:
        self._thread = Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        pause = BETWEEN_LOOKS
        while not self._end.wait(pause):
            begun = time.perf_counter()
            self.peak = max(self.peak, pss_mib(tree(self.root)))
            pause = max(BETWEEN_LOOKS, 10 * (time.perf_counter() - begun))
