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
from statistics import median

from bench.measurement import CLDMON, environment, measure_process, measure_seconds, run_rounds
from bench.results import Effort, PartResult, Row

BOUND_MS = 60.0
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
    with tempfile.TemporaryDirectory() as name:
        places = iter(range(10**6))

        def show() -> float:
            place = Path(name, str(next(places) if is_new else 0))
            return measure_seconds(partial(_show, place, server.getsockname()[1]))

        reference = partial(measure_process, [sys.executable, "-c", "pass"], environment())
        try:
            found = run_rounds(effort.rounds(ROUNDS), reference, show)
        finally:
            _end_senders(Path(name))
    more = 1000 * median(ours - bare for bare, ours in found)
    return Row(
        f"status line, {what}",
        "`python -c pass`",
        f"{1000 * median(ours for _, ours in found):.0f} ms",
        f"+ {more:.0f} ms",
        f"≤ + {BOUND_MS:.0f} ms",
        more <= BOUND_MS,
    )


def _show(home: Path, port: int) -> None:
    env = environment(HOME=str(home), XDG_STATE_HOME=str(home), CLDMON_REPORT_TOKEN="x")  # noqa: S106
    command = [CLDMON, "report", "--to", f"http://127.0.0.1:{port}", "--account", "alice"]
    document = json.dumps(DOCUMENT).encode()
    shown = subprocess.run(command, env=env, input=document, capture_output=True, check=True)
    assert shown.stdout == LINE


def _end_senders(folder: Path) -> None:
    """End the processes that would go on sending; the lock of each holds its number."""
    for lock in folder.rglob("sending-*.lock"):
        with suppress(OSError, ValueError):
            os.kill(int(lock.read_text()), signal.SIGKILL)
