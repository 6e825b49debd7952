"""What may honestly be said now of readings that were taken earlier.

Every face (table, line, JSON, page, metrics) shows these values, so that none shows an old number
as live. Source: contract, "One pass".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import Literal, TypeAlias

    from cldmon.domain.model import Account, ExtraUsage, Failure, Snapshot, Window

    Level: TypeAlias = Literal["normal", "warning", "critical"]

STALE_INTERVALS = 3
"""A reading older than so many intervals is not shown as live."""
WARNING = 75
CRITICAL = 90
"""Percent from which a window is shown to be nearly, and all but, used up."""


@dataclass(frozen=True, slots=True)
class WindowView:
    """One window as it may be shown: `due` says that it was to reset since it was read."""

    name: str
    utilization: int
    resets_at: datetime | None
    due: bool


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account as it may be shown.

    `failure` comes first where there is one; the windows are then the last good reading's. `age`
    is that reading's, None if there never was one.
    """

    label: str
    plan: str | None
    windows: tuple[WindowView, ...]
    extra_usage: ExtraUsage | None
    failure: Failure | None
    age: timedelta | None
    stale: bool

    @property
    def live(self) -> bool:
        """Whether the numbers are of now: read by the last pass, and not long ago."""
        return self.failure is None and not self.stale


def view(snapshot: Snapshot, now: datetime) -> tuple[AccountView, ...]:
    """Return every account as it may be shown at `now` (UTC)."""
    return tuple(_account(account, snapshot.interval, now) for account in snapshot.accounts)


def is_stale(age: timedelta, interval: timedelta) -> bool:
    """Tell whether a reading is too old to be live; or from the future (clock set back)."""
    return abs(age) > STALE_INTERVALS * interval


def level(percent: int) -> Level:
    """Return how near its limit a window is."""
    if percent >= CRITICAL:
        return "critical"
    return "warning" if percent >= WARNING else "normal"


def _account(account: Account, interval: timedelta, now: datetime) -> AccountView:
    reading = account.reading
    age = now - reading.taken_at if reading else None
    return AccountView(
        label=account.label,
        plan=reading.plan if reading else None,
        windows=tuple(
            _window(name, window, now)
            for name, window in (reading.windows if reading else {}).items()
        ),
        extra_usage=reading.extra_usage if reading else None,
        failure=account.failure,
        age=age,
        stale=age is None or is_stale(age, interval),
    )


def _window(name: str, window: Window, now: datetime) -> WindowView:
    due = window.resets_at is not None and window.resets_at <= now
    return WindowView(name, window.utilization, window.resets_at, due)
