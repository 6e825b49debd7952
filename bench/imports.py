"""The imports of each command, by `python -X importtime`: how many, and the slowest."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from bench import sample_data
from bench.measurement import environment
from bench.results import Effort, PartResult

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
_STANDARD = frozenset(name.lstrip("_") for name in sys.stdlib_module_names) - {"cldmon"}


def measure(effort: Effort) -> PartResult:
    """Run each command once under `-X importtime`."""
    head = ["command", "modules", "ms", "slowest packages, ms"]
    with tempfile.TemporaryDirectory() as name:
        # Nobody listens on that port: fetch imports all it needs, and reads nothing.
        config = sample_data.write_config(
            Path(name), sample_data.make_labels(4), 'claude_url = "http://127.0.0.1:9"'
        )
        sample_data.write_state(Path(name), sample_data.make_labels(4))
        env = environment(CLDMON_CONFIG=str(config), NONE="sk-ant-sid01-" + "x" * 16)
        rows = [_row(command, env) for command in COMMANDS]
    return PartResult(lists={"imports": [head, *rows]})


def _row(command: str, env: dict[str, str]) -> list[str]:
    argv = [sys.executable, "-X", "importtime", "-m", "cldmon", *command.split()]
    output = subprocess.run(argv, env=env, capture_output=True, text=True, check=False).stderr
    lines = filter(None, map(_LINE.match, output.split("\n")))
    spent = {match[2]: int(match[1]) / 1000 for match in lines}
    packages: defaultdict[str, float] = defaultdict(float)
    for module, ms in spent.items():
        top = module.partition(".")[0].lstrip("_")
        packages["standard library" if top in _STANDARD else top] += ms
    slowest = sorted(packages.items(), key=lambda item: -item[1])[:SHOWN]
    named = ", ".join(f"{package} {ms:.0f}" for package, ms in slowest)
    return [f"`cldmon {command}`", str(len(spent)), f"{sum(spent.values()):.0f}", named]
