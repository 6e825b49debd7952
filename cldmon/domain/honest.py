"""What may honestly be said of a reading that ages.

Light on purpose, for the line of a status bar is made from here: it works on the JSON form of the
snapshot (see `cldmon.domain.snapshot`), and needs no dataclasses.
Source: contract, "Numbers are shown honestly".
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cldmon.domain.instants import from_iso, iso_or_none
from cldmon.domain.names import flatten, nest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Literal, TypeAlias

    from cldmon.domain.forecast import Forecast

    Forecasts: TypeAlias = Mapping[tuple[str, str], Forecast]
    """By label and window."""
    Level: TypeAlias = Literal["normal", "warning", "critical"]

STALE_INTERVALS = 3
"""A reading older than so many intervals is not shown as live."""
WARNING = 75
CRITICAL = 90
"""Percent from which a window is shown to be nearly, and all but, used up."""


def level(percent: int) -> Level:
    """Return how near its limit a window is."""
    if percent >= CRITICAL:
        return "critical"
    return "warning" if percent >= WARNING else "normal"


def is_stale(age: timedelta, interval: timedelta) -> bool:
    """Tell whether a reading is too old to be live; or from the future (clock set back)."""
    return abs(age) > STALE_INTERVALS * interval


def is_due(resets_at: datetime | None, now: datetime) -> bool:
    """Tell whether a window was to reset since it was read: its percent is not of now."""
    return resets_at is not None and resets_at <= now


def annotated(
    body: Mapping[str, Any], now: datetime, forecasts: Forecasts | None = None
) -> dict[str, Any]:
    """Return a snapshot's JSON with what may be said of it at `now` (UTC).

    To the documented form are added, for each account, `stale` and `ageSeconds` (null if it was
    never read), and for each window `resetDue` and `forecast`: null, or `fullAt` and
    `endsAtPercent`.
    """
    interval = timedelta(milliseconds=body["refreshIntervalMs"])
    accounts = [_account(entry, now, interval, forecasts or {}) for entry in body["accounts"]]
    return {**body, "accounts": accounts}


def _account(
    entry: Mapping[str, Any], now: datetime, interval: timedelta, forecasts: Forecasts
) -> dict[str, Any]:
    if entry["status"] != "ok":
        good = entry["lastGood"]
        shown = {**entry, "lastGood": _windows(good, now, {}) if good else None}
        return {**shown, **_freshness(good, now, interval)}
    fresh = _freshness(entry, now, interval)
    mine = {} if fresh["stale"] else _of(entry["label"], forecasts)
    return {**_windows(entry, now, mine), **fresh}


def _of(label: str, forecasts: Forecasts) -> dict[str, Forecast]:
    return {window: forecast for (owner, window), forecast in forecasts.items() if owner == label}


def _freshness(
    reading: Mapping[str, Any] | None, now: datetime, interval: timedelta
) -> dict[str, Any]:
    taken_at = from_iso(reading["fetchedAt"]) if reading else None
    if taken_at is None:
        return {"stale": True, "ageSeconds": None}
    age = now - taken_at
    return {"stale": is_stale(age, interval), "ageSeconds": int(age.total_seconds())}


def _windows(
    reading: Mapping[str, Any], now: datetime, forecasts: Mapping[str, Forecast]
) -> dict[str, Any]:
    windows = {
        name: {
            **window,
            "resetDue": is_due(from_iso(window["resetsAt"]), now),
            "forecast": _forecast(forecasts.get(name)),
        }
        for name, window in flatten(reading).items()
    }
    return {**reading, **nest(windows)}


def _forecast(forecast: Forecast | None) -> dict[str, Any] | None:
    if forecast is None:
        return None
    return {
        "fullAt": iso_or_none(forecast.full_at),
        "endsAtPercent": forecast.ends_at_percent,
    }
