"""`GET /api/usage` against a bare http.server that answers with the same bytes.

Requests over connections that stay open, from another process that is never the one waited for.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from bench import sample_data, servers
from bench.measurement import run_rounds
from bench.results import Effort, PartResult, Row

REFERENCE = "bare tuned http.server, the same bytes"
CONNECTIONS = (1, 16, 64)
RATE, TAIL = 0.4, 1.5
ROUNDS = 9
SECONDS = 0.6
ACCOUNTS = 10

Rounds = list[tuple[dict[str, float], dict[str, float]]]


def measure(effort: Effort) -> PartResult:
    """Measure rates and times over few and many connections."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), servers.free_port()
        config = sample_data.write_config(
            folder, sample_data.make_labels(ACCOUNTS), f"port = {port}"
        )
        sample_data.write_state(folder, sample_data.make_labels(ACCOUNTS))
        with servers.serve_cldmon(config, port) as ours:
            request = ours.request("/api/usage")
            body = folder / "body"
            body.write_bytes(servers.send_request(port, request).partition(b"\r\n\r\n")[2])
            with servers.serve_bare(body) as bare:
                return PartResult(
                    [
                        row
                        for count in CONNECTIONS
                        for row in _rows(count, _compared((bare, ours), request, count, effort))
                    ]
                )


def _compared(
    pair: tuple[servers.Server, servers.Server], request: bytes, connections: int, effort: Effort
) -> Rounds:
    found: Rounds = []

    def one() -> float:
        bare, ours = (servers.generate_load(s.port, request, connections, SECONDS) for s in pair)
        found.append((bare, ours))
        return 0.0

    run_rounds(effort.rounds(ROUNDS), one)
    return found[1:]


def _rows(connections: int, found: Rounds) -> list[Row]:
    what = f"`/api/usage` over {connections} connection{'s' * (connections > 1)}"
    rate, tail = (median(o[key] / b[key] for b, o in found) for key in ("rate", "p99"))
    ours = {key: median(o[key] for _, o in found) for key in ("rate", "p50", "p99", "busy")}
    return [
        Row(
            f"{what}: requests a second",
            REFERENCE,
            f"{ours['rate']:,.0f}/s, p50 {ours['p50']:.2f} ms (load {ours['busy']:.0%} busy)",
            f"{rate:.2f} ×",
            f"≥ {RATE} ×",
            rate >= RATE,
        ),
        Row(
            f"{what}: p99",
            REFERENCE,
            f"{ours['p99']:.2f} ms",
            f"{tail:.2f} ×",
            f"≤ {TAIL} ×",
            tail <= TAIL,
        ),
    ]
