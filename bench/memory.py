"""Memory: of `serve` at rest and after work, and what is left between passes."""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from bench import sample_data, servers
from bench.measurement import CLDMON, environment, measure_cost, pss_mib
from bench.results import Effort, PartResult, Row

LABELS = sample_data.make_labels(100)
MARK = "CLDMON_BENCH_MARK"
IDLE_MIB, LOADED_MIB, YEAR_MIB = 40, 64, 64


def measure(effort: Effort) -> PartResult:
    """Measure a server of 100 accounts, and what a pass leaves behind."""
    with tempfile.TemporaryDirectory() as name, servers.Downloader() as downloader:
        folder = Path(name)
        rows = _measure_load(folder / "week", downloader, effort)
        rows.append(_measure_year(folder / "year", downloader, effort))
        rows.append(_measure_leftovers(folder / "pass"))
    return PartResult(rows)


def _measure_load(folder: Path, downloader: servers.Downloader, effort: Effort) -> list[Row]:
    port, days = servers.free_port(), 1 if effort.quick else 7
    config = sample_data.write_config(folder, LABELS, f"port = {port}")
    sample_data.write_state(folder, LABELS)
    sample_data.write_history(folder, LABELS, sample_data.MINUTE, days, datetime.now(UTC))
    with servers.serve_cldmon(config, port) as server:
        time.sleep(0.5)
        idle = server.resident_mib()
        servers.generate_load(port, server.request("/api/usage"), 64, 2)
        for query in ("1h", "7d", "7d&account=" + LABELS[50].replace(" ", "%20"), "7d&points=400"):
            request = server.request(f"/api/history?range={query}", last=True)
            downloader.measure_seconds(port, request)
        time.sleep(1)
        loaded = server.resident_mib()
    when = "after 64 connections for 2 s and 73 MB of history, whole and thinned"
    return [_row("idle", idle, IDLE_MIB), _row(when, loaded, LOADED_MIB)]


def _measure_year(folder: Path, downloader: servers.Downloader, effort: Effort) -> Row:
    port, days = servers.free_port(), 14 if effort.quick else 365
    config = sample_data.write_config(folder, LABELS, f"port = {port}")
    sample_data.write_history(folder, LABELS, 10 * sample_data.MINUTE, days, datetime.now(UTC))
    with servers.serve_backdated(config, port) as server:
        for offset in range(0, days, 7):
            server.set_back(offset)
            request = server.request("/api/history?range=7d", last=True)
            downloader.measure_seconds(port, request)
        return _row(f"after {days} days served", server.resident_mib(), YEAR_MIB)


def _row(when: str, mib: float, bound: int) -> Row:
    what = f"memory of `serve` {when}"
    return Row(what, "–", f"{mib:.0f} MiB", "–", f"≤ {bound} MiB", mib <= bound)


def _measure_leftovers(folder: Path) -> Row:
    """Measure the memory of processes that a pass started and did not stop."""
    # Nobody listens on that port, so the pass fails, but it does start a browser.
    config = sample_data.write_config(folder, LABELS[:3], 'claude_url = "http://127.0.0.1:9"')
    value = str(time.time_ns())
    env = environment(NONE="sk-ant-sid01-" + "x" * 16, **{MARK: value})
    script = f"'{CLDMON}' --config '{config}' fetch 2>/dev/null; test $? = 1"
    measure_cost(["sh", "-c", script], env)
    leftovers = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{MARK}={value}".encode() in (process / "environ").read_bytes():
                leftovers.append(int(process.name))
    measured = f"{pss_mib(leftovers):.0f} MiB, {len(leftovers)} processes"
    return Row("resident memory between passes", "–", measured, "–", "0", not leftovers)
