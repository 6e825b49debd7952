"""What it costs to make a pass last: state.json replaced, a line appended, both synced."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from bench import sample_data
from bench.bare_append import store
from bench.measurement import measure_seconds, median_ratio, run_rounds
from bench.results import Effort, PartResult, Row
from cldmon import files
from cldmon.store import history
from cldmon.store.state import StateFile, encode

BOUND = 1.5
ACCOUNTS = (1, 20, 200)
PAIRS = 101
SECOND = timedelta(seconds=1)


def measure(effort: Effort) -> PartResult:
    """Measure passes over few and many accounts."""
    return PartResult([_row(count, effort) for count in ACCOUNTS])


def _row(count: int, effort: Effort) -> Row:
    with tempfile.TemporaryDirectory() as name:
        found = _measured(Path(name), count, effort.rounds(PAIRS))
    times = median_ratio(found)
    _, ours, encoding = (1000 * median(column) for column in zip(*found, strict=True))
    return Row(
        f"append of a pass over {count} to history and state, synced",
        "the same bytes: write, fsync, rename, append, fsync",
        f"{ours:.2f} ms, and {encoding:.2f} ms before to encode them",
        f"{times:.2f} ×",
        f"≤ {BOUND} ×",
        times <= BOUND,
    )


def _measured(folder: Path, count: int, pairs: int) -> list[tuple[float, ...]]:
    """Return seconds: what the bare script takes to write, what we take, and what encoding does."""
    ours, bare = folder / "ours", folder / "bare"
    bare.mkdir()
    ours.mkdir()
    state = sample_data.write_state(ours, sample_data.make_labels(count))
    readings = {a.label: a.reading.windows for a in state.snapshot.accounts if a.reading}
    passes = iter(
        replace(state, history_line=history.format_line(datetime.now(UTC) + n * SECOND, readings))
        for n in range(pairs + 1)
    )
    written: list[tuple[bytes, str]] = []

    def encoded() -> None:
        after = next(passes)
        written.append((encode(after), after.history_line or ""))

    def plain() -> None:
        data, line = written[-1]
        store(str(bare), data, "history.jsonl", line.encode())

    def cldmon() -> None:
        data, line = written[-1]
        files.replace(StateFile(ours).path, data)
        history.History(ours).ensure(line)

    encoding = partial(measure_seconds, encoded)
    found = run_rounds(
        pairs, encoding, partial(measure_seconds, plain), partial(measure_seconds, cldmon)
    )
    return [(plain, ours, encoding) for encoding, plain, ours in found]
