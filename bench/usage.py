"""`GET /api/usage` against a bare http.server that responds with the same bytes.

The load comes over open connections from another process, which is never the bottleneck.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from bench import sample_data, servers
from bench.results import Effort, PartResult, Row

REFERENCE = "bare tuned http.server, the same bytes"
CONNECTIONS = (1, 16, 64)
MIN_RATE, MAX_P99 = 0.4, 1.5
ROUNDS = 9
SECONDS = 0.6
LABELS = sample_data.make_labels(10)


def measure(effort: Effort) -> PartResult:
    """Measure rates and response times over few and many connections."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), servers.free_port()
        config = sample_data.write_config(folder, LABELS, f"port = {port}")
        sample_data.write_state(folder, LABELS)
        with servers.serve_cldmon(config, port) as ours:
            request = ours.request("/api/usage")
            body = folder / "body"
            body.write_bytes(servers.send_request(port, request).partition(b"\r\n\r\n")[2])
            with servers.serve_bare(body) as bare:
                rows = [_measure(bare, ours, request, count, effort) for count in CONNECTIONS]
    return PartResult([row for pair in rows for row in pair])


def _measure(
    bare: servers.Server, ours: servers.Server, request: bytes, connections: int, effort: Effort
) -> tuple[Row, Row]:
    results = [
        [servers.generate_load(each.port, request, connections, SECONDS) for each in (bare, ours)]
        for _ in range(effort.rounds(ROUNDS) + 1)
    ][1:]
    rate, p99 = (median(o[key] / b[key] for b, o in results) for key in ("rate", "p99"))
    cldmon = {key: median(o[key] for _, o in results) for key in ("rate", "p50", "p99", "busy")}
    what = f"`/api/usage` over {connections} connection{'s' * (connections > 1)}"
    measured = (
        f"{cldmon['rate']:,.0f}/s, p50 {cldmon['p50']:.2f} ms (load {cldmon['busy']:.0%} busy)"
    )
    return (
        Row(
            f"{what}: requests a second",
            REFERENCE,
            measured,
            f"{rate:.2f} ×",
            f"≥ {MIN_RATE} ×",
            rate >= MIN_RATE,
        ),
        Row.of_ratio(f"{what}: p99", REFERENCE, f"{cldmon['p99']:.2f} ms", p99, MAX_P99),
    )
