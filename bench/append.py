"""What it costs to make a pass last: state.json replaced, a line appended, both synced."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import stock
from bench.bare_append import store
from bench.found import Effort, Found, Row
from bench.measuring import middle, ratio, rounds, seconds
from cldmon.store import history
from cldmon.store.state import StateFile, encode

BOUND = 1.5
ACCOUNTS = (1, 20, 200)
PAIRS = 101


def measure(effort: Effort) -> Found:
    """Measure passes over few and many accounts, encoding included."""
    return Found([_row(count, effort) for count in ACCOUNTS])


def _row(count: int, effort: Effort) -> Row:
    with tempfile.TemporaryDirectory() as name:
        found = _measured(Path(name), count, effort.rounds(PAIRS))
    times = ratio(found)
    return Row(
        f"append of a pass over {count} to history and state, synced",
        "the same bytes: write, fsync, rename, append, fsync",
        f"{1000 * middle(each[1] for each in found):.2f} ms",
        f"{times:.2f} ×",
        f"≤ {BOUND} ×",
        times <= BOUND,
    )


def _measured(folder: Path, count: int, pairs: int) -> list[tuple[float, ...]]:
    ours, bare = folder / "ours", folder / "bare"
    bare.mkdir()
    ours.mkdir()
    state, file, days = (
        stock.state(ours, stock.labels(count)),
        StateFile(ours),
        history.History(ours),
    )
    readings = {a.label: a.reading.windows for a in state.snapshot.accounts if a.reading}
    begun = datetime.now(UTC)
    lines = [history.line(begun + n * timedelta(seconds=1), readings) for n in range(2 * pairs + 2)]
    encoded, day = encode(replace(state, history_line=lines[0])), "history.jsonl"
    unwritten = iter(lines)

    def cldmon() -> None:
        line = next(unwritten)
        file.save(replace(state, history_line=line))
        days.ensure(line)

    def plain() -> None:
        store(str(bare), encoded, day, lines[0].encode())

    return rounds(pairs, lambda: seconds(plain), lambda: seconds(cldmon))
