"""How a browser is installed: by a command that works on the machine where it is shown."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from cldmon.claude.browser import advise_install
from tests import namespaces

OWN = f"{sys.executable} -m playwright install"
DEBIAN = {"ID": "debian"}
UBUNTU = {"ID": "ubuntu", "ID_LIKE": "debian"}
MINT = {"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}
FIND_BROWSER = Path(__file__).parents[2] / "scripts" / "find-browser"
OS_RELEASE = Path("/etc/os-release").resolve()
FEDORA = {"ID": "fedora"}


@pytest.mark.parametrize("release", [DEBIAN, {"ID": "raspbian", "ID_LIKE": "debian"}])
def test_debian_has_packages(release: dict[str, str]) -> None:
    advice = advise_install(release=release)
    assert "`apt-get install chromium-headless-shell`" in advice
    assert f"`{OWN} --with-deps --only-shell chromium`" in advice
    assert "`apt-get install chromium`" in advise_install(release=release, window=True)


@pytest.mark.parametrize("release", [UBUNTU, MINT])
@pytest.mark.parametrize("window", [False, True])
def test_ubuntu_has_none_that_works(release: dict[str, str], window: bool) -> None:
    advice = advise_install(release=release, window=window)
    assert "apt-get" not in advice
    assert f"`{OWN} --with-deps {'' if window else '--only-shell '}chromium`" in advice
    assert "Google's Chrome package" in advice


@pytest.mark.parametrize("release", [FEDORA, {}])
def test_elsewhere_no_package_is_named(release: dict[str, str]) -> None:
    """Nor of system libraries, which Playwright knows for Debian and Ubuntu alone."""
    advice = advise_install(release=release)
    assert "apt-get" not in advice
    assert "--with-deps" not in advice
    assert f"`{OWN} --only-shell chromium`" in advice


def test_the_machines_own_os_release_counts(tmp_path: Path) -> None:
    namespaces.require()
    assert advise_install() == advise_install(release=platform.freedesktop_os_release())
    release = tmp_path / "os-release"
    release.write_text('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n')
    mounts = ["--dev-bind", "/", "/", "--ro-bind", str(release), str(OS_RELEASE)]
    ran = subprocess.run(
        ["bwrap", *mounts, str(FIND_BROWSER)],
        env={"PATH": os.environ["PATH"], "CLDMON_BROWSER": "/nonexistent/browser"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (1, f"{advise_install(release=UBUNTU)}\n")
