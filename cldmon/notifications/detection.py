"""What happened to an account's windows between two good readings."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from cldmon.domain.events import AlertState, Event, EventKind
from cldmon.domain.model import FULL, Window

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

JITTER = timedelta(minutes=2)
"""Two reset instants that lie no further apart are one: the service's own differ by a second."""


_EARLY = timedelta(hours=1)
"""A fall that comes longer before the reset is confirmed by the next reading."""
_SAME = 5
"""Percentage points within which a window has its old value again."""


class ResetRule(StrEnum):
    """When a fall from 100 % counts as a reset.

    ZERO: only a fall to 0, as documented. WINDOW: also any fall into a new window.
    """

    ZERO = "zero"
    WINDOW = "window"


def detect(
    label: str,
    before: AlertState,
    windows: Mapping[str, Window],
    *,
    at: datetime,
    rule: ResetRule,
) -> tuple[list[Event], AlertState]:
    """Return what happened to each window of account `label`, in order, and the state after it.

    `windows` are the new reading's, taken at `at` (UTC). A window missing from either is skipped:
    absence is not zero, and a first reading is silent.

    Source: contract, "Alerts", "Confirmation".
    """
    confirmed, pending = dict(before.confirmed), dict(before.pending)
    found = []
    for name, window in windows.items():
        last, fallen = confirmed.pop(name, window), pending.pop(name, None)
        if fallen is None and _needs_confirmation(last, window, at):
            confirmed[name], pending[name] = last, window
            continue
        if fallen and window.utilization >= last.utilization - _SAME:
            # The fall never happened; a value a little lower does not re-arm the alert either.
            percent = max(last.utilization, window.utilization)
            confirmed[name] = Window(percent, window.resets_at)
            kind = _change(last, confirmed[name], rule)
        else:
            confirmed[name] = window
            # Use may have begun again since the fall: 100, 0, 4.
            kind = (fallen and _change(last, fallen, rule)) or _change(last, window, rule)
        if kind:
            found.append(Event(kind, label, name, at, window.resets_at))
    return found, AlertState(confirmed, pending)


def _needs_confirmation(last: Window, window: Window, at: datetime) -> bool:
    """Return whether a fall comes so long before the reset that it may be one wrong sample."""
    is_early = last.resets_at is not None and last.resets_at - at > _EARLY
    return is_early and window.utilization < last.utilization


def _change(before: Window, after: Window, rule: ResetRule) -> EventKind | None:
    if before.utilization < FULL:
        return EventKind.LIMIT_HIT if after.utilization >= FULL else None
    if _is_reset(before, after, rule):
        return EventKind.USAGE_RESET
    return None


def _is_reset(before: Window, after: Window, rule: ResetRule) -> bool:
    if after.utilization == 0:
        return True
    return rule is ResetRule.WINDOW and after.utilization < FULL and _is_new(before, after)


def _is_new(before: Window, after: Window) -> bool:
    """Tell a new window from the same one whose limit was raised in the middle."""
    if after.resets_at is None or before.resets_at is None:
        return after.resets_at is not before.resets_at
    return after.resets_at - before.resets_at > JITTER
