"""`GET /api/usage` against a bare http.server that answers with the same bytes.

Requests over connections that stay open, from another process that is never the one waited for.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench import served, stock
from bench.found import Effort, Found, Row
from bench.measuring import middle, rounds

REFERENCE = "bare tuned http.server, the same bytes"
CONNECTIONS = (1, 16, 64)
RATE, TAIL = 0.4, 1.5
ROUNDS = 9
SECONDS = 0.6
ACCOUNTS = 10

Rounds = list[tuple[dict[str, float], dict[str, float]]]


def measure(effort: Effort) -> Found:
    """Measure rates and times over few and many connections."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), served.free_port()
        config = stock.configure(folder, stock.labels(ACCOUNTS), f"port = {port}")
        stock.state(folder, stock.labels(ACCOUNTS))
        with served.cldmon(config, port) as ours:
            request = ours.request("/api/usage")
            body = folder / "body"
            body.write_bytes(served.ask(port, request).partition(b"\r\n\r\n")[2])
            with served.bare(body) as bare:
                return Found(
                    [
                        row
                        for count in CONNECTIONS
                        for row in _rows(count, _compared((bare, ours), request, count, effort))
                    ]
                )


def _compared(
    servers: tuple[served.Server, served.Server], request: bytes, connections: int, effort: Effort
) -> Rounds:
    found: Rounds = []

    def one() -> float:
        bare, ours = (served.load(s.port, request, connections, SECONDS) for s in servers)
        found.append((bare, ours))
        return 0.0

    rounds(effort.rounds(ROUNDS), one)
    return found[1:]


def _rows(connections: int, found: Rounds) -> list[Row]:
    what = f"`/api/usage` over {connections} connection{'s' * (connections > 1)}"
    rate, tail = (middle(o[key] / b[key] for b, o in found) for key in ("rate", "p99"))
    ours = {key: middle(o[key] for _, o in found) for key in ("rate", "p50", "p99", "busy")}
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
