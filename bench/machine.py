"""The machine of the measurements, without its name."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from cldmon.claude.browser import BrowserSettings, find_browser


def describe_machine() -> dict[str, str]:
    """Return its hardware and software."""
    browser = find_browser(BrowserSettings(), os.environ)
    version = subprocess.check_output([browser, "--version"], text=True)
    memory = _search(r"MemTotal:\s*(\d+)", "/proc/meminfo")
    return {
        "CPU": _search(r"model name\s*:\s*(.+)", "/proc/cpuinfo"),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(memory) / 2**20:.1f} GiB",
        "kernel": platform.release().partition("-")[0],
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "Linux"),
        "Python": platform.python_version(),
        "browser": f"{Path(browser).name} {version.strip()}",
    }


def _search(pattern: str, path: str) -> str:
    match = re.search(pattern, Path(path).read_text(encoding="utf-8"))
    return match[1].strip() if match else "0"
