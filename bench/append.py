"""The cost of storing a pass: state.json replaced, a history line appended, both synced."""

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

REFERENCE = "the same bytes: write, fsync, rename, append, fsync"
BOUND = 1.5
ACCOUNTS = (1, 20, 200)
ROUNDS = 101
SECOND = timedelta(seconds=1)


def measure(effort: Effort) -> PartResult:
    """Measure passes over few and many accounts."""
    return PartResult([_measure(count, effort.rounds(ROUNDS)) for count in ACCOUNTS])


def _measure(count: int, rounds: int) -> Row:
    with tempfile.TemporaryDirectory() as name:
        ours, bare = Path(name, "ours"), Path(name, "bare")
        bare.mkdir()
        ours.mkdir()
        state = sample_data.write_state(ours, sample_data.make_labels(count))
        readings = {a.label: a.reading.windows for a in state.snapshot.accounts if a.reading}
        start, encoded = datetime.now(UTC), [(b"", "")]

        def encode_state() -> None:
            line = history.format_line(start + len(encoded) * SECOND, readings)
            encoded.append((encode(replace(state, history_line=line)), line))

        def store_bare() -> None:
            data, line = encoded[-1]
            store(str(bare), data, "history.jsonl", line.encode())

        def store_ours() -> None:
            data, line = encoded[-1]
            files.replace(StateFile(ours).path, data)
            history.History(ours).ensure(line)

        tasks = (partial(measure_seconds, each) for each in (encode_state, store_bare, store_ours))
        found = run_rounds(rounds, *tasks)
    encode_ms, _, store_ms = (1000 * median(column) for column in zip(*found, strict=True))
    return Row.of_ratio(
        f"append of a pass over {count} to history and state, synced",
        REFERENCE,
        f"{store_ms:.2f} ms, and {encode_ms:.2f} ms before to encode them",
        median_ratio(found, ours=2, reference=1),
        BOUND,
    )
