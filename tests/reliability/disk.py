"""A disk that refuses: each call of a pass in turn, and disks that are really full or closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import namespaces
from tests.reliability.kernel import CHANGES, LOOKS, file_steps
from tests.reliability.result import Result
from tests.reliability.scenario import read_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from subprocess import CompletedProcess

    from tests.reliability.kernel import Step
    from tests.reliability.scenario import TwoAccountScenario

PAGE = 4096
"""What the smallest file takes of a tmpfs, in bytes."""

_MAKES = ("openat", "mkdir", "rename")
_ALTERS = (*_MAKES, "unlink", "unlinkat", "rmdir", "fchmod")
_FILLS = (*_MAKES, "write", "pwrite64", "fsync", "ftruncate")

REFUSALS: Mapping[str, tuple[str, ...]] = {
    "ENOSPC": _FILLS,
    "EDQUOT": _FILLS,
    "EROFS": _ALTERS,
    "EACCES": _ALTERS,
    "EMFILE": ("openat",),
    "EIO": (*_FILLS, "unlink", "fchmod", "newfstatat", "read", "pread64", "getdents64", "close"),
}
"""Each error with the calls that give it."""

_ON_A_DISK_OF_ITS_OWN = """
options=$1 data=$2 base=$3 out=$4; shift 4
mount -t tmpfs -o "$options" tmpfs "$data" && cp -a "$base/." "$data" || exit 99
"$@"; code=$?
cp -a "$data" "$out"; exit $code
"""


def trace_steps(scenario: TwoAccountScenario, log: Path) -> list[Step]:
    """Return every call of a pass that concerns its files."""
    scenario.reset()
    return file_steps(scenario.env, log, "fetch", calls=(*CHANGES, *LOOKS))


def select_steps(steps: Iterable[Step], error: str) -> list[Step]:
    """Return those of the steps that may give an error."""
    return [step for step in steps if step.call in REFUSALS[error]]


def refuse_calls(scenario: TwoAccountScenario, error: str, steps: Iterable[Step]) -> Result:
    """Let each of the steps fail with this error."""
    result = Result(f"{error} at a call that concerns data_dir, any that may give it")
    for step in steps:
        with result.case(str(step)):
            scenario.reset()
            check_errors(scenario.env.run("fetch", under=step.refused(error)))
            scenario.check_recovery()
    return result


def check_errors(ran: CompletedProcess[str]) -> None:
    """Prove that a pass ended in words, if it did not end well."""
    said = read_errors(ran.stderr)
    assert ran.returncode in (0, 1), ran.returncode
    assert said or ran.returncode == 0, "it failed without a word"
    assert len(said) <= 3, said


def fill_disk(scenario: TwoAccountScenario, folder: Path, rooms: Iterable[int]) -> Result:
    """Make passes on file systems with room for so many inodes, or pages, more."""
    namespaces.require()
    result = Result("a file system with few or no free inodes or pages")
    paths = [scenario.base, *scenario.base.rglob("*")]
    pages = sum(-(-path.stat().st_size // PAGE) for path in paths if path.is_file())
    for free in rooms:
        for options in (f"nr_inodes={len(paths) + free}", f"size={(pages + free) * PAGE}"):
            with result.case(f"{free} free of {options}"):
                scenario.reset()
                out = folder / options
                words = [options, str(scenario.data), str(scenario.base), str(out)]
                script = ["unshare", "-rm", "sh", "-c", _ON_A_DISK_OF_ITS_OWN, "sh", *words]
                check_errors(scenario.env.run("fetch", under=script))
                scenario.restore(out)
                scenario.check_recovery()
    return result


def make_read_only(scenario: TwoAccountScenario, commands: Iterable[tuple[str, ...]]) -> Result:
    """Run commands on a data_dir that is mounted read-only: those that write say so in a line."""
    namespaces.require()
    result = Result("data_dir on a read-only mount, with each command that writes there")
    mount = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(scenario.data), str(scenario.data)]
    for command in commands:
        with result.case(command[0]):
            scenario.reset()
            ran = scenario.env.run(*command, under=mount)
            [line] = read_errors(ran.stderr)
            assert ran.returncode == (command[0] != "health")  # it prints its verdict all the same
            assert "read-only" in line, line
            scenario.check_recovery()
    return result


def fill_temp_dir(scenario: TwoAccountScenario) -> Result:
    """Make a pass whose temporary folder is full."""
    namespaces.require()
    result = Result("a full temporary folder")
    place = str(scenario.env.temporary)
    mount = ["bwrap", "--dev-bind", "/", "/", "--size", "65536", "--tmpfs", place]
    with result.case("64 KiB"):
        scenario.reset()
        ran = scenario.env.run("fetch", under=mount)
        reason = f"no room for a browser in {place}: free some space there, or set TMPDIR"
        assert read_errors(ran.stderr)[0] == f"cldmon: alice, bob: {reason}"
        assert ran.returncode == 1
        scenario.check_recovery()
    return result
