"""`POST /api/report` under load: machines that report far more often than they may.

The reference is the disk: the same files, replaced and synced by as many threads, without a server.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.measurement import HERE, environment
from bench.results import Effort, PartResult, Row
from bench.servers import free_port
from cldmon import files
from cldmon.domain.model import Account, Reading, Snapshot, Window
from cldmon.reports.tokens import TokensFile
from cldmon.store.state import State, StateFile

if TYPE_CHECKING:
    from collections.abc import Sequence

ACCOUNTS = 100
RATE = 10
SECONDS = 10.0
BOUND_MS = 100.0


def measure(effort: Effort) -> PartResult:
    """Measure ten seconds of reports, and the disk."""
    labels = [f"account-{n}" for n in range(ACCOUNTS)]
    found = run_trial(labels, RATE, 2.0 if effort.quick else SECONDS)
    synced = measure_disk(ACCOUNTS, 2.0)
    asked = ACCOUNTS * RATE
    rate, lost = found.reports["rate"], found.reports["lost"]
    is_fast = rate >= 0.95 * min(asked, synced / 2)
    accepted = found.reports["statuses"].get("200", 0)
    return PartResult(
        [
            Row(
                f"{ACCOUNTS} machines, {RATE} reports a second each",
                f"files replaced and synced: {synced:,.0f}/s",
                f"{rate:,.0f}/s, p99 {found.reports['p99_ms']:.0f} ms",
                f"{rate / synced:.2f} ×",
                f"≥ {asked:,}/s or half the disk's",
                is_fast,
            ),
            Row(
                "reports answered with 200 that are on disk",
                "–",
                f"{accepted - lost:,} of {accepted:,}",
                "–",
                "all",
                found.is_safe,
            ),
            Row(
                "other requests meanwhile, p99",
                f"without reports: {found.reads_alone['p99_ms']:.0f} ms",
                f"{found.reads['p99_ms']:.0f} ms",
                "–",
                f"≤ {BOUND_MS:.0f} ms",
                found.reads["p99_ms"] <= BOUND_MS,
            ),
        ]
    )


@dataclass(frozen=True)
class Trial:
    """The figures of `reporters`: of the reports, and of reads beside and before them."""

    reports: dict[str, Any]
    reads: dict[str, float]
    reads_alone: dict[str, float]

    @property
    def is_safe(self) -> bool:
        """Whether all were accepted, and are on disk."""
        return self.reports["lost"] == 0 and [*self.reports["statuses"]] == ["200"]


def run_trial(labels: Sequence[str], rate: float, seconds: float) -> Trial:
    """Serve, and let a machine of each account report."""
    with tempfile.TemporaryDirectory() as name:
        config, data, port = Path(name, "config.toml"), Path(name, "data"), free_port()
        tables = "".join(f'[[accounts]]\nlabel = "{each}"\nsource = "report"\n' for each in labels)
        config.write_text(f"port = {port}\n{tables}", encoding="utf-8")
        tokens, now = TokensFile(data), datetime.now(UTC)
        handed_out = {each: tokens.create(each, "", now).reveal() for each in labels}
        at, reset = now, now + timedelta(hours=2)
        reading = Reading(at, {"fiveHour": Window(41, reset), "sevenDay": Window(63, reset)})
        accounts = tuple(Account(label, reading) for label in labels)
        StateFile(data).save(State(Snapshot(at, accounts)))
        command = [sys.executable, "-m", "bench.report_server", str(config)]
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=environment(MALLOC_ARENA_MAX="2")
        ) as process:
            assert process.stderr
            process.stderr.readline()
            try:
                return _report(port, data, seconds, rate, handed_out)
            finally:
                process.terminate()


def _report(port: int, data: Path, seconds: float, rate: float, tokens: dict[str, str]) -> Trial:
    command = [sys.executable, str(HERE / "reporters.py"), str(port), str(seconds)]
    alone = json.loads(subprocess.check_output(command, text=True))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        ran = subprocess.run(
            [*command, str(data), str(rate)],
            input=json.dumps(tokens),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        beside, _ = reader.communicate()
    return Trial(json.loads(ran.stdout), json.loads(beside), alone)


def measure_disk(threads: int, seconds: float) -> float:
    """Return how many files a second the disk replaces and syncs, each thread its own."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(threads) as pool:
        until = time.monotonic() + seconds

        def replace(number: int) -> int:
            count = 0
            while time.monotonic() < until:
                files.replace(Path(name, f"{number}.json"), b"x" * 250)
                count += 1
            return count

        return sum(pool.map(replace, range(threads))) / seconds
