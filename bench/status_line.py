"""How long Claude Code waits for `cldmon report`, against `python -c pass`.

Each status line is the first of a machine, so it has to be sent, to a server that is down or that
accepts the connection and never answers. Python's own start is part of any status line in Python.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from shutil import rmtree
from statistics import median

from bench.measurement import (
    CLDMON,
    environment,
    measure_process,
    measure_seconds,
    median_ratio,
    run_rounds,
)
from bench.results import Effort, PartResult, Row

BOUND_MS = 60
"""Longer than Python's own start, so on a machine that does nothing else."""
ROUNDS = 31
DOCUMENT = {
    "session_id": "bench",
    "cost": {"total_api_duration_ms": 2300},
    "rate_limits": {
        "five_hour": {"used_percentage": 41.2, "resets_at": int(time.time()) + 7_200},
        "seven_day": {"used_percentage": 63.0, "resets_at": int(time.time()) + 86_400},
    },
}
LINE = "5h 41% · 7d 63%\n".encode()


def measure(effort: Effort) -> PartResult:
    """Measure a status line with each kind of bad server, and one of which nothing is sent."""
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return PartResult(
            [
                _measure("the server is down", closed, effort),
                _measure("the server never answers", silent, effort),
                _measure("nothing new to send", silent, effort, is_new=False),
            ]
        )


def _measure(what: str, server: socket.socket, effort: Effort, *, is_new: bool = True) -> Row:
    reference = partial(measure_process, [sys.executable, "-c", "pass"], environment())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:

        def show() -> float:
            seconds = measure_seconds(partial(_show, Path(name), server.getsockname()[1]))
            if is_new:
                _forget(Path(name))
            return seconds

        found = run_rounds(effort.rounds(ROUNDS), reference, show)
        _forget(Path(name))
    ratio = median_ratio(found)
    more = 1000 * median(ours - bare for bare, ours in found)
    return Row(
        f"status line, {what}",
        "`python -c pass`",
        f"{1000 * median(ours for _, ours in found):.0f} ms, {more:.0f} ms more",
        f"{ratio:.1f} ×",
        f"≤ {BOUND_MS} ms more",
        more <= BOUND_MS,
    )


def _show(home: Path, port: int) -> None:
    env = environment(HOME=str(home), XDG_STATE_HOME=str(home), CLDMON_REPORT_TOKEN="x")  # noqa: S106
    command = [CLDMON, "report", "--to", f"http://127.0.0.1:{port}", "--account", "alice"]
    document = json.dumps(DOCUMENT).encode()
    shown = subprocess.run(command, env=env, input=document, capture_output=True, check=True)
    assert shown.stdout == LINE


def _forget(home: Path) -> None:
    """End the process that would go on sending, once its lock names it, and forget the state."""
    folder, deadline = home / "cldmon-report", time.monotonic() + 1
    while time.monotonic() < deadline:
        for lock in folder.glob("sending-*.lock"):
            with suppress(OSError, ValueError):
                os.kill(int(lock.read_text()), signal.SIGKILL)
                deadline = 0
        time.sleep(0.01)
    rmtree(folder, ignore_errors=True)
