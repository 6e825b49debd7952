"""What a command asks of the kernel, recorded, refused or cut short: by strace, from outside.

Its own first process alone is watched: that one does all that concerns data_dir. The driver and the
browser run as ever.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from tests.env import Env

CHANGES = (
    "openat", "write", "pwrite64", "fsync", "ftruncate", "fchmod", "rename", "unlink", "unlinkat",
    "mkdir", "rmdir", "flock",
)  # fmt: skip
"""The calls that change something on a disk, or are about to."""

LOOKS = ("newfstatat", "fstat", "read", "pread64", "lseek", "getdents64", "close")
"""Those that look."""

TALKS = ("vfork", "connect", "sendto", "recvfrom", "kill", "wait4", "write", "read")
"""Those that reach other processes: the driver, and the browser behind it."""

_TO_OTHERS = re.compile(r"\d+<(pipe|socket|UNIX)|[^\d]|\d+, ?(NULL|SIG)")
"""How arguments begin that do not name a file."""

_LINE = re.compile(r"(?:(\d+) +)?(\w+)\((.*)")
_PATH = re.compile(r'[<"](/[^>"]*)[>"](?!\.\.\.)')


@dataclass(frozen=True)
class Step:
    """The `number`-th call of its name that concerns these paths, counted from 1."""

    call: str
    number: int
    what: str
    paths: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.call} {self.number} ({self.what})"

    def killed(self) -> list[str]:
        """Return what a command is started under to be killed before this step."""
        return self._under("signal=KILL")

    def interrupted(self) -> list[str]:
        """Return what a command is started under to get a Ctrl-C before this step."""
        return self._under("signal=INT")

    def refused(self, error: str) -> list[str]:
        """Return what a command is started under to be refused this step (`ENOSPC`)."""
        return self._under(f"error={error}")

    def _under(self, fault: str) -> list[str]:
        rule = f"inject={self.call}:{fault}:when={self.number}"
        return [*tracer([self.call], self.paths, "/dev/null"), "-e", rule]


def tracer(calls: Collection[str], paths: Sequence[str], log: Path | str) -> list[str]:
    """Return the command that records calls, those that concern `paths` where there are any."""
    concern = [word for path in paths for word in ("-P", path)]
    return ["strace", "-qqq", "-e", "signal=none", "-e", f"trace={','.join(calls)}", *concern,
            "-o", str(log)]  # fmt: skip


def file_steps(env: Env, log: Path, *command: str, calls: Collection[str]) -> list[Step]:
    """Run a command, and return its calls that concern files of the home, in order."""
    env.run(*command, under=[*tracer(calls, (), log), "-y"])
    return _find_concerned(env, [(call, rest) for _, call, rest in _calls(log)])


def thread_steps(env: Env, log: Path, word: str) -> list[Step]:
    """Return the calls of the one thread that has touched a file of such a name.

    The log is that of a tracer that followed threads.
    """
    threads: dict[str, list[tuple[str, str]]] = {}
    for thread, call, rest in _calls(log):
        threads.setdefault(thread, []).append((call, rest))
    [found] = [calls for calls in threads.values() if any(word in rest for _, rest in calls)]
    return _find_concerned(env, found)


def talk_steps(env: Env, log: Path, *command: str) -> list[Step]:
    """Run a command, and return its calls that reach other processes, in order."""
    env.run(*command, under=[*tracer(TALKS, (), log), "-y"])
    # All are counted, as strace does.
    steps = _number_calls([(call, rest[:40]) for _, call, rest in _calls(log)], ())
    return [step for step in steps if _TO_OTHERS.match(step.what)]


def _calls(log: Path) -> Iterator[tuple[str, str, str]]:
    """Yield thread, call and arguments."""
    for line in log.read_text(errors="replace").splitlines():
        if found := _LINE.match(line):
            yield found[1] or "", found[2], found[3]


def _find_concerned(env: Env, calls: Sequence[tuple[str, str]]) -> list[Step]:
    below = (f"{env.data}", f"{env.temporary}/cldmon-")
    touched = [
        (call, path)
        for call, rest in calls
        if (path := next((p for p in _PATH.findall(rest) if p.startswith(below)), None))
        and "(deleted)" not in path
    ]
    paths = tuple(sorted({path for _, path in touched}))
    home_paths = len(f"{env.folder}/")
    return _number_calls([(call, path[home_paths:]) for call, path in touched], paths)


def _number_calls(calls: Sequence[tuple[str, str]], paths: tuple[str, ...]) -> list[Step]:
    counts: dict[str, int] = {}
    steps = []
    for call, what in calls:
        counts[call] = counts.get(call, 0) + 1
        steps.append(Step(call, counts[call], what, paths))
    return steps
