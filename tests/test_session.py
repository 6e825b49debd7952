"""The tests as they are run: in a shell's background, on a machine that forbids much, for long."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import namespaces
from tests.env import PATIENCE
from tests.heartbeat import Heartbeat

ROOT = Path(__file__).resolve().parent.parent
ENDED_BY_CTRL_C = "tests/cli/test_watch.py"
IN_A_BROWSER = "tests/browser/test_dashboard_words.py"
IN_A_BUBBLE = "tests/contrib/test_units.py::test_what_a_unit_refuses_is_refused"
WITHOUT_NAMESPACES = ("bwrap", "--dev-bind", "/", "/", "--unshare-user", "--disable-userns")


def run(
    tmp_path: Path, *options: str, under: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run some of the tests once more, as a shell does in its background, below nohup."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    own = ("-p", "no:cacheprovider", "--basetemp", str(tmp_path / "tests"))
    return subprocess.run(
        [*under, sys.executable, "-m", "pytest", *own, *options],
        cwd=ROOT,
        env=inherited,
        preexec_fn=_ignore_the_terminal,
        capture_output=True,
        text=True,
        check=False,
    )


def _ignore_the_terminal() -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


@pytest.mark.parametrize("workers", ["0", "1"])
def test_what_tests_start_is_ended_by_ctrl_c_in_a_shell_s_background_too(
    tmp_path: Path, workers: str
) -> None:
    ran = run(tmp_path, f"-n{workers}", "-k pipe", ENDED_BY_CTRL_C)
    assert ran.returncode == 0, ran.stdout
    assert "namespaces" not in ran.stdout


@pytest.mark.parametrize("uid", ["0", "1000"])
def test_a_machine_without_namespaces_is_found_out_before_the_first_test(
    tmp_path: Path, uid: str
) -> None:
    """Root's browser has no sandbox anyway; that of others goes without one there."""
    namespaces.require()
    bubble = (*WITHOUT_NAMESPACES, "--uid", uid, "--gid", uid)
    ran = run(
        tmp_path, "-n0", "-rs", "-k duration or refuses", IN_A_BROWSER, IN_A_BUBBLE, under=bubble
    )
    assert ran.returncode == 0, ran.stdout
    header, _, rest = ran.stdout.partition("collected")
    assert namespaces.SKIPPED in header
    assert (namespaces.UNSANDBOXED in header) == (uid != "0")
    assert "sudo sysctl" in header
    assert re.search(r"\b[1-9]\d* passed, 2 skipped\b", rest), rest


def test_a_test_that_takes_long_is_named() -> None:
    said: queue.Queue[str] = queue.Queue()
    heartbeat = Heartbeat(said.put, seconds=0.01)
    heartbeat.pytest_runtest_logstart("tests/test_slow.py::test_slow")
    assert "tests/test_slow.py::test_slow (0 s)" in said.get(timeout=PATIENCE)
    heartbeat.pytest_unconfigure()
