"""What stays in memory: in `serve` at rest and after work, and between passes."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import sample_data, servers
from bench.measurement import CLDMON, environment, measure_cost, pss_mib
from bench.results import Effort, PartResult, Row

LABELS = sample_data.make_labels(100)
MARK = "CLDMON_BENCH_MARK"
IDLE, LOADED, YEAR = 40, 64, 64
"""MiB."""


def measure(effort: Effort) -> PartResult:
    """Measure a server of 100 accounts, and what a pass leaves behind."""
    with tempfile.TemporaryDirectory() as name, servers.Downloader() as downloader:
        folder = Path(name)
        return PartResult(
            [
                *_serve(folder / "week", downloader, effort),
                *_year(folder / "year", downloader, effort),
                _left(folder),
            ]
        )


def _serve(folder: Path, downloader: servers.Downloader, effort: Effort) -> list[Row]:
    port = servers.free_port()
    config = sample_data.write_config(folder, LABELS, f"port = {port}")
    sample_data.write_state(folder, LABELS)
    sample_data.write_history(
        folder, LABELS, sample_data.MINUTE, 1 if effort.quick else 7, datetime.now(UTC)
    )
    with servers.serve_cldmon(config, port) as server:
        time.sleep(0.5)
        idle = server.resident_mib()
        servers.generate_load(port, server.request("/api/usage"), 64, 2)
        for range_ in ("1h", "7d", "7d&account=" + LABELS[50].replace(" ", "%20"), "7d&points=400"):
            downloader.measure_seconds(
                port, server.request(f"/api/history?range={range_}", last=True)
            )
        time.sleep(1)
        return [
            _row("idle", idle, IDLE),
            _row(
                "after 64 connections for 2 s and 73 MB of history, whole and thinned",
                server.resident_mib(),
                LOADED,
            ),
        ]


def _year(folder: Path, downloader: servers.Downloader, effort: Effort) -> list[Row]:
    port = servers.free_port()
    config = sample_data.write_config(folder, LABELS, f"port = {port}")
    days = 14 if effort.quick else 365
    sample_data.write_history(folder, LABELS, 10 * sample_data.MINUTE, days, datetime.now(UTC))
    with servers.serve_backdated(config, port) as server:
        assert server.stdin
        for past in range(0, days, 7):
            print(past, file=server.stdin, flush=True)
            downloader.measure_seconds(port, server.request("/api/history?range=7d", last=True))
        return [_row(f"after {days} days served", server.resident_mib(), YEAR)]


def _row(when: str, mib: float, bound: int) -> Row:
    return Row(
        f"memory of `serve` {when}", "–", f"{mib:.0f} MiB", "–", f"≤ {bound} MiB", mib <= bound
    )


def _left(folder: Path) -> Row:
    """Return the memory of whatever still runs of those that a pass started."""
    config = sample_data.write_config(
        folder / "pass", LABELS[:3], 'claude_url = "http://127.0.0.1:9"'
    )
    mark = f"{MARK}={time.time_ns()}"
    env = environment(NONE="sk-ant-sid01-" + "x" * 16, **dict([mark.split("=")]))
    # Nobody listens there, so it fails, in a real browser all the same.
    measure_cost(
        [*("sh", "-c", f"'{CLDMON}' --config '{config}' fetch 2>/dev/null; test $? = 1")], env
    )
    left = [p for p in Path("/proc").glob("[0-9]*") if mark.encode() in _environ(p)]
    mib = pss_mib(int(process.name) for process in left)
    what = f"{mib:.0f} MiB, {len(left)} processes"
    return Row("resident memory between passes", "–", what, "–", "0", not left)


def _environ(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""
