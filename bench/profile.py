"""Where the time of a pass goes and why it must, and whose the processor is in a large one."""

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

from bench.found import Effort, Found, Listed
from bench.measuring import CLDMON, HERE, environment, middle, tree
from bench.passes import Setting, service

_TYPE = re.compile(r"--type=([\w-]+)(?:.*--utility-sub-type=[\w.]*?(\w+)\b)?")
SHOWN_MS = 10
RUNS = 5
MANY = 100
TICK = 1 / os.sysconf("SC_CLK_TCK")

START, END = "Python's start", "the end of the process"
WHY = {
    START: "the interpreter; `python -c pass` takes as long",
    "import click": "options, help and their errors",
    "import cldmon": "our own modules, and the standard library's that they need",
    "import pydantic": "a broken configuration is refused before anything runs",
    "import playwright": "the browser is driven by it; it has one module for all that it can do",
    "driver._whole": "Playwright's driver, a Node program, starts",
    "launch._launch": "the browser starts, and its first processes with it",
    "source.BrowserSource._context": "a context of its own keeps an account's cookies apart",
    "account_session.AccountSession._new_page": "a page is a process of its own",
    "account_session.AccountSession._open": "the question itself: 150 ms are the service's",
    "account_session.AccountSession._fetch": "the second question: 150 ms are the service's",
    "account_session._received": "the answer's body comes from the browser through the driver",
    "account_session.AccountSession.cookies": "Cloudflare's clearance is kept",
    "launch.close": "context and browser are closed in order, so that nothing is left behind",
    "driver._stop": "the driver ends, and we wait for it: nobody is left running",
    "temp_dir._remove": "the browser's temporary files go",
    "files._write": "fsync: the state survives a loss of power",
    "files._sync_dir": "fsync of the folder: so does the file's new name",
    "files._append": "fsync: so does the line of history",
    END: "Python clears up after itself",
}


def measure(effort: Effort) -> Found:
    """Look at passes over one account, the organization known, and at one over many."""
    with service(1) as setting:
        profiles = [_profile(setting) for _ in range(effort.rounds(RUNS) + 1)][1:]
    with service(5 if effort.quick else MANY) as setting:
        shares = _shares([CLDMON, "--config", str(setting.config()), "fetch"])
    return Found(lists={"profile": _timeline(profiles), "processes": _listed(shares)})


def _profile(setting: Setting) -> dict[str, float]:
    """Return the ms of each part of a pass, in the order in which they began."""
    with tempfile.NamedTemporaryFile() as file:
        command = [sys.executable, str(HERE / "sampled.py"), file.name]
        begun = time.monotonic()
        subprocess.run(
            [*command, "--config", str(setting.config()), "fetch", "--strict"],
            check=True,
            env=environment(PYTHONPATH=str(HERE.parent)),
        )
        end = time.monotonic()
        seen = json.loads(Path(file.name).read_text(encoding="utf-8"))
    spent = {START: 1000 * (seen[0][0] - begun)}
    for (at, part), (following, _) in pairwise(seen):
        spent[part] = spent.get(part, 0.0) + 1000 * (following - at)
    return {**spent, END: 1000 * (end - seen[-1][0])}


def _timeline(profiles: list[dict[str, float]]) -> Listed:
    """Return the medians; parts below 10 ms together."""
    names = dict.fromkeys(name for profile in profiles for name in profile)
    ms = {name: middle(profile.get(name, 0.0) for profile in profiles) for name in names}
    shown = [[name, f"{ms[name]:.0f}", WHY.get(name, "–")] for name in ms if ms[name] >= SHOWN_MS]
    rest = sum(value for value in ms.values() if value < SHOWN_MS)
    small = sum(value < SHOWN_MS for value in ms.values())
    return [
        ["part", "ms", "why it must"],
        *shown,
        ["all else", f"{rest:.0f}", f"{small} parts below {SHOWN_MS} ms each"],
        ["together", f"{sum(ms.values()):.0f}", "with what looking each millisecond costs"],
    ]


def _shares(command: list[str]) -> Counter[str]:
    """Return the CPU seconds of each kind of process that a command started."""
    spent: dict[int, tuple[str, float]] = {}
    with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            for pid in tree(process.pid):
                with suppress(OSError, KeyError):  # it has just ended
                    spent[pid] = _kind(pid) or spent[pid][0], _cpu(pid)
            time.sleep(0.02)
    shares: Counter[str] = Counter()
    for kind, seconds in spent.values():
        shares[kind] += seconds  # type: ignore[assignment]
    return shares


def _kind(pid: int) -> str:
    """Return what a process is; nothing of one that has ended."""
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


def _listed(shares: Counter[str]) -> Listed:
    whole = sum(shares.values())
    rows = [[kind, f"{s:.2f}", f"{s / whole:.0%}"] for kind, s in shares.most_common()]
    return [["process", "CPU s", "share"], *rows]
