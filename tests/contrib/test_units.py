"""The units of contrib: systemd accepts them, they are hardened, and a real pass runs in them."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contrib import confined
from tests.env import CLDMON, SERVING, Env, free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.claude import FakeClaude

ROOT = Path(__file__).resolve().parents[2]
SYSTEMD = ROOT / "contrib" / "systemd"
UNITS = sorted(path.name for path in SYSTEMD.iterdir() if path.is_file())
SERVICES = [name for name in UNITS if name.endswith(".service")]
WORST = 3.0


def analyze(*words: str | Path) -> str:
    """Return all that systemd-analyze prints; it must not print a warning."""
    argv = ["systemd-analyze", "--no-pager", *words]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    return ran.stdout


def test_systemd_has_nothing_to_say_against_the_units(tmp_path: Path) -> None:
    for name in UNITS:
        text = (SYSTEMD / name).read_text()
        # The place where an administrator has cldmon; `verify` wants a program there.
        (tmp_path / name).write_text(text.replace("/usr/local/bin/cldmon", CLDMON))
    assert analyze("verify", *(tmp_path / name for name in UNITS)) == ""


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_are_hardened(name: str) -> None:
    told = analyze("security", "--offline=true", SYSTEMD / name)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", told)
    assert found
    assert float(found[1]) <= WORST


def test_the_folders_and_the_user_are_ones_that_systemd_can_make(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    folders = (SYSTEMD / "tmpfiles.d" / "cldmon.conf").read_text()
    mine = tmp_path / "cldmon.conf"  # only root can give a folder to somebody else
    mine.write_text(folders.replace(" cldmon cldmon ", f" {os.getuid()} {os.getgid()} "))
    for argv in (
        ["systemd-sysusers", f"--root={root}", str(SYSTEMD / "sysusers.d" / "cldmon.conf")],
        ["systemd-tmpfiles", f"--root={root}", "--create", str(mine)],
    ):
        ran = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
    assert "cldmon:" in (root / "etc" / "passwd").read_text()
    assert (root / "etc" / "cldmon").stat().st_mode & 0o777 == 0o700


@pytest.fixture
def env(tmp_path: Path, fake_claude: FakeClaude) -> Env:
    settled = {"alice": None, "bob": None}
    env = Env(tmp_path, fake_claude).set_up(settled, tables="[browser]\nsandbox = true\n")
    env.data.mkdir()
    env.environ.pop("TMPDIR")  # a service has its own /tmp
    env.environ["HOME"] = str(env.data)
    return env


def run(
    env: Env,
    unit: str,
    *arguments: str,
    program: str = CLDMON,
    readable: Sequence[Path] = (),
) -> subprocess.CompletedProcess[str]:
    """Run cldmon, or another program, as the service of a unit's text."""
    browser = env.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    readable = [ROOT, Path(sys.prefix), Path(sys.base_prefix), env.config, *readable]
    return confined.run(
        unit,
        [program, *arguments],
        env.environ,
        writable=[env.data],
        readable=[*readable, *([Path(browser)] if browser else [])],
    )


def test_a_pass_with_chromiums_sandbox_lives_within_the_restrictions(env: Env) -> None:
    """Read-only file system, no homes, no devices, no capabilities, the unit's system calls."""
    ran = run(env, (SYSTEMD / "cldmon-fetch.service").read_text(), "fetch", "--strict")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert {label: each["status"] for label, each in env.accounts.items()} == {
        "alice": "ok",
        "bob": "ok",
    }
    left = {path.name for path in env.data.iterdir() if not path.name.startswith("history-")}
    assert left == {"browser", "fetch.lock", "state.json"}


def test_the_restrictions_are_there(env: Env) -> None:
    """Without the system calls of its sandbox, Chromium does not start."""
    unit = (SYSTEMD / "cldmon-fetch.service").read_text().replace(" chroot seccomp", "")
    assert run(env, unit, "fetch").returncode == 1
    assert env.accounts["alice"]["errorKind"] == "no_browser"


def test_a_textfile_that_the_unit_cannot_write_is_reported_with_the_cause(env: Env) -> None:
    """The textfile was configured after the unit was installed; no disk is mounted read-only."""
    folder = env.folder / "metrics"
    folder.mkdir()
    tables = f'[browser]\nsandbox = true\n[metrics]\ntextfile = "{folder}/cldmon.prom"\n'
    env.write_config(tables=tables)
    unit = (SYSTEMD / "cldmon-fetch.service").read_text()
    ran = run(env, unit, "fetch", "--strict", readable=[folder])
    assert ran.returncode == 0
    [line] = ran.stderr.splitlines()
    assert f"{folder}/cldmon.prom" in line
    assert "`cldmon schedule systemd --install` again" in line


def test_the_server_lives_within_its_restrictions(env: Env) -> None:
    """From start to stop, with a client."""
    fetch, serve = ((SYSTEMD / f"cldmon-{name}.service").read_text() for name in ("fetch", "serve"))
    assert run(env, fetch, "fetch").returncode == 0
    env.write_config(f"port = {free_port()}", "[browser]\nsandbox = true\n")
    env.environ["CLDMON"] = CLDMON
    served = run(env, serve, "-ec", SERVING, program="/bin/sh")
    assert served.returncode == 0, served.stderr
    assert "OK:   2 account(s) reporting" in served.stdout


ATTEMPTS = """
import ctypes, mmap, os, socket
library = ctypes.CDLL(None, use_errno=True)
def tried(what):
    try:
        what()
    except OSError as error:
        return error.errno
def check_result(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
both = mmap.PROT_WRITE | mmap.PROT_EXEC
print(*map(tried, (
    lambda: check_result(library.unshare(0x04000000)),
    lambda: check_result(library.unshare(0x10000000)),
    lambda: socket.socket(socket.AF_ALG),
    lambda: socket.socket(socket.AF_INET).close(),
    lambda: mmap.mmap(-1, 4096, prot=both),
    lambda: os.chmod(os.environ["HOME"], 0o4700),
    lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    lambda: check_result(library.personality(8)),
    lambda: open("/proc/sys/kernel/hostname", "w"),
    lambda: open("/etc/cldmon-was-here", "w"),
)))
"""
"""UTS and user namespaces, two families, writable code, set-id, realtime, personality, files."""


@pytest.mark.parametrize(("name", "browsing"), [("fetch", None), ("serve", errno.EPERM)])
def test_what_a_unit_refuses_is_refused(env: Env, name: str, browsing: int | None) -> None:
    """A browser needs user namespaces and writable code; the server needs none."""
    unit = (SYSTEMD / f"cldmon-{name}.service").read_text()
    ran = run(env, unit, "-c", ATTEMPTS, program=sys.executable)
    calls = (1, browsing, errno.EAFNOSUPPORT, None, browsing, 1, 1, 1)
    expected = (*calls, errno.EROFS, errno.EROFS)
    assert ran.stdout.split() == [str(each) for each in expected], ran.stderr
