"""What each command imports, by `python -X importtime`: how many modules, and the heaviest."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from bench import sample_data
from bench.measurement import environment
from bench.results import Effort, PartResult, Table

COMMANDS = (
    "status --format line",
    "status",
    "status --json",
    "--help",
    "history --range 7d",
    "health",
    "subscribe --list",
    "schedule cron",
    "doctor --help",
    "fetch",
)
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)")
SHOWN = 5


def measure(effort: Effort) -> PartResult:
    """Run each command once under `-X importtime`."""
    head = ["command", "modules", "ms", "slowest packages, ms"]
    with tempfile.TemporaryDirectory() as name:
        # A port where nobody listens: fetch imports all that it needs, and reads nothing.
        config = sample_data.write_config(
            Path(name), sample_data.make_labels(4), 'claude_url = "http://127.0.0.1:9"'
        )
        sample_data.write_state(Path(name), sample_data.make_labels(4))
        env = environment(CLDMON_CONFIG=str(config), NONE="sk-ant-sid01-" + "x" * 16)
        rows = [_row(command, env) for command in COMMANDS]
    return PartResult(lists={"imports": [head, *rows]})


def _row(command: str, env: dict[str, str]) -> list[str]:
    spent = _imported(command, env)
    packages: defaultdict[str, float] = defaultdict(float)
    for module, ms in spent.items():
        packages[_package(module)] += ms
    heaviest = sorted(packages.items(), key=lambda item: -item[1])[:SHOWN]
    named = ", ".join(f"{package} {ms:.0f}" for package, ms in heaviest)
    return [f"`cldmon {command}`", str(len(spent)), f"{sum(spent.values()):.0f}", named]


def _imported(command: str, env: dict[str, str]) -> dict[str, float]:
    """Return the ms that each module took by itself."""
    full = [sys.executable, "-X", "importtime", "-m", "cldmon", *command.split()]
    said = subprocess.run(full, env=env, capture_output=True, text=True, check=False).stderr
    return {match[2]: int(match[1]) / 1000 for match in map(_LINE.match, said.split("\n")) if match}


def _package(module: str) -> str:
    top = module.partition(".")[0].lstrip("_")
    return "standard library" if top in _STANDARD else top


_STANDARD = frozenset(name.lstrip("_") for name in sys.stdlib_module_names) - {"cldmon"}


def listed(found: PartResult) -> Table:
    """Return the table of this part."""
    return found.lists["imports"]
