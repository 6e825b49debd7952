"""The machine that was measured on, without its name."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from cldmon.claude.browser import BrowserSettings, find_browser


def describe_machine() -> dict[str, str]:
    """Return what it is made of and runs."""
    memory = _first(r"MemTotal:\s*(\d+)", "/proc/meminfo")
    return {
        "CPU": _first(r"model name\s*:\s*(.+)", "/proc/cpuinfo"),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(memory) / 2**20:.1f} GiB",
        "kernel": platform.release().partition("-")[0],
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "Linux"),
        "Python": platform.python_version(),
        "browser": browser(),
    }


def browser() -> str:
    """Return the version of the browser that a pass would start."""
    command = [find_browser(BrowserSettings(), os.environ), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return f"{Path(command[0]).name} {said.strip()}"


def _first(pattern: str, path: str) -> str:
    found = re.search(pattern, Path(path).read_text(encoding="utf-8"))
    return found[1].strip() if found else "0"
