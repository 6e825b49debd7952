"""The forecast of each running window, from a sample of its history."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cldmon.domain.forecast import Forecast, forecast
from cldmon.domain.freshness import is_stale
from cldmon.domain.model import duration, to_ms
from cldmon.store import reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.model import Reading, Snapshot
    from cldmon.domain.series import Point

_SPANS = (timedelta(hours=5), timedelta(days=7))
"""How long windows last: each span is sampled for its own rate."""
_SAMPLES = 60


def compute_forecasts(
    data_dir: Path, snapshot: Snapshot, now: datetime
) -> Mapping[tuple[str, str], Forecast]:
    """Return, by account label and window name, where each window is heading at `now` (UTC).

    Accounts in error or with a stale reading have none. Raises StoreError.
    """
    live = {
        account.label: account.reading
        for account in snapshot.accounts
        if account.reading
        and not account.failure
        and not is_stale(now - account.reading.taken_at, snapshot.interval)
    }
    history = _sampled(data_dir, now) if live else {}
    found = {
        (label, name): _compute_forecast(reading, name, history.get(label, ()), now)
        for label, reading in live.items()
        for name in reading.windows
    }
    return {key: value for key, value in found.items() if value}


def _sampled(data_dir: Path, now: datetime) -> dict[str, list[Point]]:
    """Return every account's sampled readings, oldest first."""
    found: dict[str, dict[int, Mapping[str, int]]] = {}
    for span in _SPANS:
        since, until = to_ms(now - span), to_ms(now)
        for label, points in reader.sample_series(data_dir, since, until, _SAMPLES).items():
            found.setdefault(label, {}).update(points)
    return {label: sorted(points.items(), key=_stamp) for label, points in found.items()}


def _compute_forecast(
    reading: Reading, name: str, points: Sequence[Point], now: datetime
) -> Forecast | None:
    lasts, window = duration(name), reading.windows[name]
    if lasts is None:
        return None
    # The line of the reading's own pass carries the end of that pass: it is left out.
    taken_ms = to_ms(reading.taken_at)
    earlier = _of_window(points, name, until_ms=taken_ms)
    return forecast([*earlier, (taken_ms, window.utilization)], window, lasts, now)


def _of_window(points: Iterable[Point], name: str, until_ms: int) -> list[tuple[int, int]]:
    return [(ms, values[name]) for ms, values in points if ms < until_ms and name in values]


def _stamp(point: Point) -> int:
    return point[0]
