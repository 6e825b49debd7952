"""The tests as they are run: in a shell's background, on a machine that forbids much, for long."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests import namespaces
from tests.env import PATIENCE
from tests.heartbeat import Heartbeat

ROOT = Path(__file__).resolve().parent.parent
ENDED_BY_CTRL_C = "tests/cli/test_watch.py"
IN_A_BROWSER = "tests/browser/pages/test_dashboard_words.py"
IN_A_BUBBLE = "tests/contrib/test_units.py::test_what_a_unit_refuses_is_refused"
WITHOUT_NAMESPACES = ("bwrap", "--dev-bind", "/", "/", "--unshare-user", "--disable-userns")


def run(
    tmp_path: Path, *options: str, under: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run some of the tests once more, as a shell does in its background, below nohup."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    unused = [word for name in ("cacheprovider", "schemathesis") for word in ("-p", f"no:{name}")]
    own = (*unused, "--basetemp", str(tmp_path / "tests"))
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


def test_what_tests_start_is_ended_by_ctrl_c_in_a_shell_s_background_too(tmp_path: Path) -> None:
    """In a worker, which has inherited what the shell ignores."""
    ran = run(tmp_path, "-n1", "-k pipe", ENDED_BY_CTRL_C)
    assert ran.returncode == 0, ran.stdout
    assert "namespaces" not in ran.stdout


def without_namespaces(uid: str) -> tuple[str, ...]:
    """Return what starts a program as a user of a machine that forbids namespaces."""
    namespaces.require()
    return (*WITHOUT_NAMESPACES, "--uid", uid, "--gid", uid)


def test_a_machine_without_namespaces_is_found_out_before_the_first_test(tmp_path: Path) -> None:
    bubble = without_namespaces("1000")
    ran = run(
        tmp_path, "-n0", "-rs", "-k duration or refuses", IN_A_BROWSER, IN_A_BUBBLE, under=bubble
    )
    assert ran.returncode == 0, ran.stdout
    header, _, rest = ran.stdout.partition("collected")
    assert namespaces.SKIPPED in header
    assert namespaces.UNSANDBOXED in header
    assert "sudo sysctl" in header
    assert re.search(r"\b[1-9]\d* passed, 2 skipped\b", rest), rest


def test_the_browser_of_root_has_no_sandbox_to_miss() -> None:
    """Unlike that of others, which goes without one where namespaces are forbidden."""
    examine = (
        "import atexit; from tests import namespaces; print(namespaces.examine(atexit.register))"
    )
    under = without_namespaces("0")
    command = [*under, sys.executable, "-c", examine]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == f"{[namespaces.SKIPPED, namespaces.ADVICE]}\n"


def test_a_test_that_takes_long_is_named() -> None:
    said: queue.Queue[str] = queue.Queue()
    heartbeat = Heartbeat(said.put, seconds=0.01)
    heartbeat.pytest_runtest_logstart("tests/test_slow.py::test_slow")
    assert "tests/test_slow.py::test_slow (0 s)" in said.get(timeout=PATIENCE)
    heartbeat.pytest_unconfigure()
