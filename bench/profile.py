"""What the time of a pass is spent on and why, and which processes use the CPU in a large one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from statistics import median

from bench.measurement import CLDMON, HERE, environment, process_tree
from bench.passes import Setting, service
from bench.results import Effort, PartResult, Table

_TYPE = re.compile(r"--type=([\w-]+)(?:.*--utility-sub-type=[\w.]*?(\w+)\b)?")
SHOWN_MS = 10
RUNS = 5
MANY_ACCOUNTS = 100
TICK = 1 / os.sysconf("SC_CLK_TCK")

START, END = "Python's start", "the end of the process"
WHY = {
    START: "the interpreter; `python -c pass` takes as long",
    "import click": "options, help and their errors",
    "import cldmon": "our own modules, and those of the standard library that they need",
    "import pydantic": "validates the configuration before anything runs",
    "import playwright": "drives the browser",
    "driver._start_or_clean_up": "starts Playwright's driver, a Node.js program",
    "launch._launch_first": "starts the browser and its first processes",
    "source.BrowserSource._open_context": "one browser context per account keeps cookies apart",
    "account_session.AccountSession.read": "starts the page's own process",
    "account_session.AccountSession._open": "the request; the simulated service takes 150 ms",
    "account_session.AccountSession._fetch": "the second request; as slow",
    "account_session.AccountSession._receive": "fetches the response body through the driver",
    "account_session.AccountSession.cookies": "keeps Cloudflare's clearance",
    "launch.close": "closes context and browser in order, so that nothing is left behind",
    "driver._stop": "waits for the driver to exit",
    "temp_dir._remove": "removes the browser's temporary files",
    "files._write_all": "fsync: the state survives a power loss",
    "files._sync": "fsync: a change survives a power loss, and so does a new name",
    END: "interpreter shutdown",
}


def measure(effort: Effort) -> PartResult:
    """Profile passes over one account whose organization is known, and one over many."""
    with service(1) as setting:
        profiles = [_profile(setting) for _ in range(effort.rounds(RUNS) + 1)][1:]
    with service(5 if effort.quick else MANY_ACCOUNTS) as setting:
        cpu_seconds = _measure_processes([CLDMON, "--config", str(setting.write_config()), "fetch"])
    return PartResult(
        lists={"profile": _timeline(profiles), "processes": _format_processes(cpu_seconds)}
    )


def _profile(setting: Setting) -> dict[str, float]:
    """Return the ms of each part of a pass, in order of their first occurrence."""
    with tempfile.NamedTemporaryFile() as file:
        command = [sys.executable, str(HERE / "sampler.py"), file.name]
        start = time.monotonic()
        subprocess.run(
            [*command, "--config", str(setting.write_config()), "fetch", "--strict"],
            check=True,
            env=environment(PYTHONPATH=str(HERE.parent)),
        )
        end = time.monotonic()
        samples = json.loads(Path(file.name).read_text(encoding="utf-8"))
    spent = {START: 1000 * (samples[0][0] - start)}
    for (at, part), (following, _) in pairwise(samples):
        spent[part] = spent.get(part, 0.0) + 1000 * (following - at)
    return {**spent, END: 1000 * (end - samples[-1][0])}


def _timeline(profiles: list[dict[str, float]]) -> Table:
    """Return the median of each part; parts below 10 ms are added up."""
    names = dict.fromkeys(name for profile in profiles for name in profile)
    ms = {name: median(profile.get(name, 0.0) for profile in profiles) for name in names}
    shown = [[name, f"{ms[name]:.0f}", WHY.get(name, "–")] for name in ms if ms[name] >= SHOWN_MS]
    rest = sum(value for value in ms.values() if value < SHOWN_MS)
    small = sum(value < SHOWN_MS for value in ms.values())
    return [
        ["part", "ms", "why"],
        *shown,
        ["everything else", f"{rest:.0f}", f"{small} parts below {SHOWN_MS} ms each"],
        ["total", f"{sum(ms.values()):.0f}", "includes the cost of sampling"],
    ]


def _measure_processes(command: list[str]) -> Counter[str]:
    """Return the CPU seconds of each kind of process that a command starts."""
    spent: dict[int, tuple[str, float]] = {}
    with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            for pid in process_tree(process.pid):
                with suppress(OSError, KeyError):  # it has just ended
                    spent[pid] = _kind(pid) or spent[pid][0], _cpu(pid)
            time.sleep(0.02)
    cpu_seconds: Counter[str] = Counter()
    for kind, seconds in spent.values():
        cpu_seconds[kind] += seconds  # type: ignore[assignment]
    return cpu_seconds


def _kind(pid: int) -> str:
    """Return the kind of a process; empty if it has ended."""
    command = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    if found := _TYPE.search(command):
        return f"browser: {found[2] or found[1]}"
    name = Path(command.partition("\0")[0]).name
    if "python" in name:
        return "cldmon"
    return {"": "", "node": "Playwright's driver"}.get(name, "browser: itself")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def _format_processes(cpu_seconds: Counter[str]) -> Table:
    total = sum(cpu_seconds.values())
    rows = [[kind, f"{s:.2f}", f"{s / total:.0%}"] for kind, s in cpu_seconds.most_common()]
    return [["process", "CPU s", "share"], *rows]
