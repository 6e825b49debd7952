"""The scripts that set a checkout up: which browser they settle on, and what they refuse."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
STARTS = "#!/bin/sh\necho Chromium 1.2.3\n"
SNAP_STUB = "#!/bin/sh\necho 'requires the chromium snap to be installed' >&2\nexit 1\n"
NO_BROWSER = "#!/bin/sh\necho coreutils 9\n"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def find_browser(**environment: str | Path) -> subprocess.CompletedProcess[str]:
    """Run scripts/find-browser in this environment, with no other browser setting in it."""
    inherited = {k: v for k, v in os.environ.items() if k != "CLDMON_BROWSER"}
    return subprocess.run(
        [SCRIPTS / "find-browser"],
        env={**inherited, **{k: str(v) for k, v in environment.items()}},
        capture_output=True,
        text=True,
        check=False,
    )


def shell(cache: Path, revision: str) -> Path:
    """Return where Playwright keeps the headless shell of a revision."""
    folder = cache / f"chromium_headless_shell-{revision}" / "chrome-headless-shell-linux64"
    return folder / "chrome-headless-shell"


def test_the_browser_named_in_the_environment_is_taken(tmp_path: Path) -> None:
    browser = program(tmp_path / "my browser", STARTS)
    assert find_browser(CLDMON_BROWSER=browser).stdout == f"{browser}\n"


@pytest.mark.parametrize("stub", [SNAP_STUB, NO_BROWSER])
def test_a_named_browser_that_does_not_start_is_not_replaced_by_another(
    tmp_path: Path, stub: str
) -> None:
    """Never fall back silently: who names a browser wants that one."""
    named = program(tmp_path / "chromium-browser", stub)
    program(shell(tmp_path, "1"), STARTS)
    found = find_browser(CLDMON_BROWSER=named, PLAYWRIGHT_BROWSERS_PATH=tmp_path)
    assert (found.returncode, found.stdout) == (1, "")


def test_playwrights_own_shell_comes_before_the_systems(tmp_path: Path) -> None:
    browser = program(shell(tmp_path, "1"), STARTS)
    assert find_browser(PLAYWRIGHT_BROWSERS_PATH=tmp_path).stdout == f"{browser}\n"


def test_a_browser_that_does_not_start_is_passed_over(tmp_path: Path) -> None:
    """A download that lacks its system libraries, or a stub, is no browser."""
    program(shell(tmp_path, "1"), SNAP_STUB)
    browser = program(shell(tmp_path, "2"), STARTS)
    assert find_browser(PLAYWRIGHT_BROWSERS_PATH=tmp_path).stdout == f"{browser}\n"


def test_bootstrap_refuses_what_it_does_not_know() -> None:
    ran = subprocess.run(
        [SCRIPTS / "bootstrap", "--prod"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (2, "bootstrap: usage: scripts/bootstrap [--dev]\n")


def test_what_the_tests_need_and_nobody_can_install_is_said_in_one_line(tmp_path: Path) -> None:
    """On a machine with next to nothing, whose packages cannot be had."""
    for name in ("sh", "dirname", "env", "id"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    for name in ("apt-get", "sudo"):
        program(tmp_path / name, "#!/bin/sh\nexit 100\n")
    ran = subprocess.run(
        [SCRIPTS / "tools"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    first, last = ran.stderr.splitlines()
    assert ran.returncode == 0
    assert first.startswith("tools: installing bubblewrap ")
    assert last.startswith("tools: some tests will fail, install what they need: sudo apt-get")
    assert {"bubblewrap", "systemd", "jq"} <= {*last.split()}


@pytest.mark.parametrize("script", sorted(SCRIPTS.iterdir()), ids=lambda path: path.name)
def test_every_script_is_executable_posix_shell(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
