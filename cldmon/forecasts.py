"""The forecast of each running window, from a sample of its history."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from cldmon.domain.forecast import Forecast, compute_forecast
from cldmon.domain.freshness import is_stale
from cldmon.domain.instants import to_ms
from cldmon.domain.windows import duration
from cldmon.store import reader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.model import Snapshot

_SPANS = (timedelta(hours=5), timedelta(days=7))
"""How long windows last. Each span is sampled, for windows of its length."""
_SAMPLES = 60


def compute_forecasts(
    data_dir: Path, snapshot: Snapshot, now: datetime
) -> Mapping[tuple[str, str], Forecast]:
    """Return, by account label and window name, where each window is heading at `now` (UTC).

    Accounts with an error or a stale reading have none. Raises StoreError.
    """
    current = {
        account.label: account.reading
        for account in snapshot.accounts
        if account.reading
        and not account.failure
        and not is_stale(now - account.reading.taken_at, snapshot.interval)
    }
    history = _read_sample(data_dir, now) if current else {}
    forecasts = {}
    for label, reading in current.items():
        # The line of the reading's own pass is left out: its time is the end of that pass.
        taken_ms = to_ms(reading.taken_at)
        earlier = [(ms, values) for ms, values in history.get(label, ()) if ms < taken_ms]
        for name, window in reading.windows.items():
            if length := duration(name):
                points = [(ms, values[name]) for ms, values in earlier if name in values]
                points.append((taken_ms, window.utilization))
                if found := compute_forecast(points, window, length, now):
                    forecasts[label, name] = found
    return forecasts


def _read_sample(data_dir: Path, now: datetime) -> dict[str, list[tuple[int, Mapping[str, int]]]]:
    """Return some of each account's readings, oldest first."""
    samples: defaultdict[str, dict[int, Mapping[str, int]]] = defaultdict(dict)
    for span in _SPANS:
        since, until = to_ms(now - span), to_ms(now)
        step = (until - since) // _SAMPLES
        for label, points in reader.read_all_series(data_dir, since, until, step).items():
            samples[label].update(points)
    return {
        label: sorted(points.items(), key=lambda point: point[0])
        for label, points in samples.items()
    }
