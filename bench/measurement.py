"""Measure whole process trees: wall time, CPU time and memory."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

CLDMON = str(Path(sys.executable).with_name("cldmon"))
HERE = Path(__file__).parent
SAMPLE_INTERVAL = 0.1
"""Seconds; longer if sampling is slow, so that it uses a tenth of a core at most."""


@dataclass(frozen=True)
class Cost:
    """The cost of a process tree: seconds, CPU seconds, peak PSS in MiB."""

    wall: float
    cpu: float
    memory: float = 0.0


def environment(**more: str) -> dict[str, str]:
    """Return our environment, in which byte code is cached as in an installation."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | more


def measure_cost(command: Sequence[str], env: Mapping[str, str] | None = None) -> Cost:
    """Run a command and return its cost. Exit if it fails."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(command, env=env or environment(), stdout=subprocess.DEVNULL)
    with process, MemorySampler(process.pid) as watch:
        code = process.wait()
        wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        raise SystemExit(f"bench: {' '.join(command[:6])} … ended with {code}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, watch.peak)


def measure_seconds(task: Callable[[], object]) -> float:
    """Return the wall time of a task."""
    begun = time.perf_counter()
    task()
    return time.perf_counter() - begun


def measure_process(command: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """Return the wall time of a process in seconds."""
    run = partial(subprocess.run, command, env=env or environment(), stdout=subprocess.DEVNULL)
    return measure_seconds(partial(run, check=True))


def run_rounds(count: int, *tasks: Callable[[], float]) -> list[tuple[float, ...]]:
    """Return the results of tasks, run one after the other, in `count` rounds after a warm-up."""
    return [tuple(task() for task in tasks) for _ in range(count + 1)][1:]


def median_ratio(found: Sequence[Sequence[float]], ours: int = 1, reference: int = 0) -> float:
    """Return the median of the ratios of paired measurements."""
    return statistics.median(each[ours] / each[reference] for each in found)


def process_tree(root: int) -> list[int]:
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
    """Return the proportional set size of processes in MiB; one that has ended counts 0."""
    return sum(map(_pss_kib, pids)) / 1024


def _pss_kib(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


@dataclass(frozen=True)
class Line:
    """`base + slope * n`; `deviation` is the largest relative distance of a measurement."""

    base: float
    slope: float
    deviation: float


def fit_line(points: Mapping[int, float]) -> Line:
    """Return the line of least squares through measurements by number of accounts."""
    slope, base = statistics.linear_regression([*points], [*points.values()])
    deviation = max(abs(value / (base + slope * n) - 1) for n, value in points.items())
    return Line(base, slope, deviation)


@dataclass
class MemorySampler:
    """Samples the memory of a process tree while the block runs; `peak` is its maximum in MiB."""

    root: int
    peak: float = 0.0
    _stop: Event = field(default_factory=Event)

    def __enter__(self) -> MemorySampler:
        self._thread = Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        pause = SAMPLE_INTERVAL
        while not self._stop.wait(pause):
            begun = time.perf_counter()
            self.peak = max(self.peak, pss_mib(process_tree(self.root)))
            pause = max(SAMPLE_INTERVAL, 10 * (time.perf_counter() - begun))
