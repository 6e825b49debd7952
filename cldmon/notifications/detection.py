"""What happened between two good readings of an account. Pure.

Source: contract, "Alerts".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from cldmon.domain.events import Event, EventKind, Outage, WindowAlerts
from cldmon.domain.key_age import WARN_DAYS
from cldmon.domain.model import Failure, FailureKind, Window
from cldmon.domain.windows import FULL, JITTER, duration

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from cldmon.domain.forecast import Forecast
    from cldmon.domain.model import SavedResets

EARLY = timedelta(hours=1)
"""A fall that comes longer before the reset is early, and confirmed by the next reading."""
SAME = 5
"""Percentage points within which a window has its old value again."""
_REARM = 10
"""A threshold may fire again once a window has fallen so many percentage points below it."""
_CHANGED_PERCENT = 5
_CHANGED_RESET = timedelta(minutes=10)
"""From which fall, or move of the reset, a limit was changed within a running window."""
_RUN_OUT_MARGIN = timedelta(minutes=30)
_RUN_OUT_READINGS = 2

_FAILED_ATTEMPTS = 3
_FAILED_AFTER = timedelta(minutes=30)
_SERVICE_FAILED_AFTER = timedelta(hours=1)
_SERVICE_TROUBLE = frozenset({FailureKind.SERVICE_DOWN, FailureKind.TIMEOUT})
_SAVED_RESET_ENDS = timedelta(days=3)


class ResetRule(StrEnum):
    """When a fall from 100 % counts as a reset.

    ZERO: only a fall to 0, as documented. WINDOW: also any fall into a new window.
    """

    ZERO = "zero"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class Rules:
    """What detection goes by: the reset rule, and the thresholds that anybody has chosen."""

    reset: ResetRule = ResetRule.ZERO
    thresholds: Collection[int] = ()


def detect(
    label: str,
    before: Mapping[str, WindowAlerts],
    windows: Mapping[str, Window],
    *,
    at: datetime,
    rules: Rules,
    forecasts: Mapping[str, Forecast] | None = None,
) -> tuple[list[Event], dict[str, WindowAlerts]]:
    """Return what happened to each window of account `label`, in order, and the state after it.

    `windows` are the new reading's, taken at `at` (UTC), `forecasts` theirs. A window that is
    missing from either is skipped: absence is not zero, and a first reading sends nothing.
    """
    events: list[Event] = []
    after = dict(before)
    for name, window in windows.items():
        alerts = after.pop(name, WindowAlerts(window))
        forecast = (forecasts or {}).get(name)
        found, after[name] = _detect_in_window(name, alerts, window, at, rules, forecast)
        for event in found:
            other, until = _find_other_limit(event, name, windows, at)
            events.append(replace(event, label=label, limited_by=other, limited_until=until))
    return events, after


def _detect_in_window(
    name: str,
    alerts: WindowAlerts,
    window: Window,
    at: datetime,
    rules: Rules,
    forecast: Forecast | None,
) -> tuple[list[Event], WindowAlerts]:
    """Return what one reading of a window shows, events without label, and the state after it."""
    last, fallen = alerts.confirmed, alerts.pending
    if fallen is None and _needs_confirmation(last, window, at):
        return [], replace(alerts, pending=window)
    if fallen and window.utilization >= last.utilization - SAME:
        # The fall never happened; a value a little lower does not re-arm an alert either.
        fallen = None
        window = Window(max(last.utilization, window.utilization), window.resets_at)

    def event(kind: EventKind) -> Event:
        return Event(kind, "", name, at, window.resets_at, window.utilization)

    # Use may have begun again since the fall: 100, 0, 4.
    kinds = _find_changes(last, fallen, at, rules.reset) if fallen else []
    if EventKind.USAGE_RESET not in kinds:
        kinds = _find_changes(last, window, at, rules.reset)
    events = [
        replace(event(kind), before=last) if kind is EventKind.LIMIT_CHANGED else event(kind)
        for kind in kinds
    ]

    crossed: set[int] = set()
    fired, run_out_fired, previous = set(alerts.fired), alerts.run_out_fired, last
    run_out_readings = alerts.run_out_readings
    for reading in (fallen, window) if fallen else (window,):
        # The first reading after a fall may still have the reset of the window before.
        if _begins_instance(previous, reading, at) or _begins_instance(last, reading, at):
            fired, run_out_fired, run_out_readings = set(), False, 0
        fired = {n for n in fired if reading.utilization > n - _REARM}
        new = {n for n in rules.thresholds if previous.utilization < n <= reading.utilization}
        crossed |= new - fired
        fired |= new
        previous = reading
    if crossed:
        full_at = forecast.full_at if forecast else None
        events.append(
            replace(event(EventKind.THRESHOLD), thresholds=tuple(sorted(crossed)), full_at=full_at)
        )

    full_at = _find_run_out(name, window, forecast)
    run_out_readings = min(run_out_readings + 1, _RUN_OUT_READINGS) if full_at else 0
    if run_out_readings == _RUN_OUT_READINGS and not run_out_fired:
        run_out_fired = True
        events.append(replace(event(EventKind.RUN_OUT), full_at=full_at))
    return events, WindowAlerts(window, None, tuple(sorted(fired)), run_out_readings, run_out_fired)


def _needs_confirmation(last: Window, window: Window, at: datetime) -> bool:
    """Return whether a fall comes so long before the reset that it may be one wrong sample."""
    is_early = last.resets_at is not None and last.resets_at - at > EARLY
    return is_early and window.utilization < last.utilization


def _find_changes(before: Window, after: Window, at: datetime, rule: ResetRule) -> list[EventKind]:
    if before.utilization >= FULL and _is_reset(before, after, rule):
        return [EventKind.USAGE_RESET]
    kinds = []
    if before.utilization < FULL <= after.utilization:
        kinds.append(EventKind.LIMIT_HIT)
    if before.resets_at is not None and after.resets_at is not None and before.resets_at > at:
        moved = abs(after.resets_at - before.resets_at)
        fall = before.utilization - after.utilization
        if (fall >= _CHANGED_PERCENT and moved <= JITTER) or (fall <= 0 and moved > _CHANGED_RESET):
            kinds.append(EventKind.LIMIT_CHANGED)
    return kinds


def _is_reset(before: Window, after: Window, rule: ResetRule) -> bool:
    if after.utilization == 0:
        return True
    return rule is ResetRule.WINDOW and after.utilization < FULL and _is_new(before, after)


def _is_new(before: Window, after: Window) -> bool:
    """Tell a new window from the same one whose limit was raised in the middle."""
    if after.resets_at is None or before.resets_at is None:
        return after.resets_at is not before.resets_at
    return after.resets_at - before.resets_at > JITTER


def _begins_instance(before: Window, after: Window, at: datetime) -> bool:
    """Return whether a new instance of a window has begun, in which everything may fire again."""
    if after.utilization < before.utilization:
        return _is_new(before, after)
    has_ended = before.resets_at is None or before.resets_at <= at
    return has_ended and after.resets_at is not None and _is_new(before, after)


def _find_run_out(name: str, window: Window, forecast: Forecast | None) -> datetime | None:
    """Return when a window will be full, if that is long enough before its reset to say so."""
    if not (forecast and forecast.full_at and window.resets_at):
        return None
    margin = max(_RUN_OUT_MARGIN, (duration(name) or timedelta(0)) / 10)
    return forecast.full_at if window.resets_at - forecast.full_at >= margin else None


def _find_other_limit(
    event: Event, name: str, windows: Mapping[str, Window], at: datetime
) -> tuple[str | None, datetime | None]:
    """Return which other window is full, and holds longest, after a reset or beyond a hit limit."""
    if event.kind not in (EventKind.USAGE_RESET, EventKind.LIMIT_HIT):
        return None, None

    def key(other: str) -> tuple[bool, datetime]:
        until = windows[other].resets_at
        return until is None, until or at

    holds_until = key(name) if event.kind is EventKind.LIMIT_HIT else (False, at)
    longer = [
        other
        for other, window in windows.items()
        if other != name and window.utilization >= FULL and key(other) > holds_until
    ]
    if not longer:
        return None, None
    last = max(longer, key=key)
    return last, windows[last].resets_at


def detect_outage(
    outage: Outage | None, failure: Failure | None, now: datetime
) -> tuple[EventKind | None, Outage | None]:
    """Return what one attempt to read an account shows: that it failed for long, or recovered.

    `failure` is None for a good reading. A rate limit neither counts nor ends an outage.
    """
    if failure is None:
        is_over = outage is not None and outage.reported
        return (EventKind.ACCOUNT_RECOVERED if is_over else None), None
    if failure.kind is FailureKind.RATE_LIMITED:
        return None, outage
    since = min(outage.since, now) if outage else now
    outage = Outage(
        since, outage.attempts + 1 if outage else 1, outage is not None and outage.reported
    )
    is_service = failure.kind in _SERVICE_TROUBLE
    patience = _SERVICE_FAILED_AFTER if is_service else _FAILED_AFTER
    if outage.reported or outage.attempts < _FAILED_ATTEMPTS or now - since < patience:
        return None, outage
    return EventKind.ACCOUNT_FAILED, replace(outage, reported=True)


def find_key_step(since: datetime, warned_days: int, now: datetime) -> int | None:
    """Return the latest age in days at which a key used since `since` is warned of, if not done."""
    reached = [days for days in WARN_DAYS if now - since >= timedelta(days=days)]
    return reached[-1] if reached and reached[-1] > warned_days else None


def find_ending_resets(
    saved: SavedResets | None, warned: Collection[datetime], now: datetime
) -> list[datetime]:
    """Return when unused saved resets end, of those that end soon and were not warned of."""
    found: list[datetime] = []
    for ends_at in sorted(saved.ends if saved else ()):
        is_known = any(abs(ends_at - known) <= JITTER for known in (*warned, *found))
        if not is_known and now < ends_at <= now + _SAVED_RESET_ENDS:
            found.append(ends_at)
    return found
