"""Whether readings are still current: stale, due, overdue.

This is decided only here. Every output (table, line, CSV, JSON, page, metrics, health) renders
these values, so that none shows an old number as current. Source: contract, "Numbers are honest".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Literal, TypeAlias

from cldmon.domain.model import BROWSER, REPORT, Account
from cldmon.domain.windows import FULL, short_title, sort_for_display, title

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta

    from cldmon.domain.forecast import Forecast
    from cldmon.domain.model import Failure, Reading, Snapshot

    Forecasts: TypeAlias = Mapping[tuple[str, str], Forecast]
    """By label and window."""

Level: TypeAlias = Literal["normal", "high", "critical", "full"]

STALE_INTERVALS = 3
"""A reading older than this many intervals is not shown as live."""
HIGH = 75
CRITICAL = 90
"""Percent from which a window is shown as high, and as nearly used up."""


def get_level(percent: int) -> Level:
    """Return how close a window is to its limit."""
    if percent >= FULL:
        return "full"
    if percent >= CRITICAL:
        return "critical"
    return "high" if percent >= HIGH else "normal"


def is_stale(age: timedelta, interval: timedelta) -> bool:
    """Return whether a reading is too old to be live, or in the future (the clock was set back)."""
    return abs(age) > STALE_INTERVALS * interval


def compute_stale_at(read_at: datetime | None, interval: timedelta) -> datetime | None:
    """Return the last instant at which a reading is live, for outputs that stay on screen."""
    return read_at and read_at + STALE_INTERVALS * interval


@dataclass(frozen=True, slots=True)
class WindowView:
    """One window as it may be shown.

    `due`: it has reset since it was read, so its percentage is not current. `overdue`: its reset
    time had already passed when it was read, but the service still reported it: it is current.
    """

    name: str
    utilization: int
    resets_at: datetime | None
    due: bool = False
    overdue: bool = False
    forecast: Forecast | None = None

    @property
    def title(self) -> str:
        """The name on the official page."""
        return title(self.name)

    @property
    def short(self) -> str:
        """The name for narrow places."""
        return short_title(self.name)

    @property
    def level(self) -> Level | None:
        """How close it is to its limit; None while that is unknown."""
        return None if self.due else get_level(self.utilization)


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account as it may be shown.

    If there is a `failure`, everything else is from the last good reading, taken at `read_at`
    (UTC) and `age` ago. Those are None if there never was one. `source` is where the numbers come
    from, or are to come from: `BROWSER` or `REPORT`.
    """

    label: str
    failure: Failure | None
    reading: Reading | None
    windows: tuple[WindowView, ...]
    age: timedelta | None
    stale: bool
    stale_at: datetime | None = None
    source: str = BROWSER

    @property
    def awaits_report(self) -> bool:
        """Whether nothing is wrong, but its person's machine has not reported, or not lately."""
        return self.source == REPORT and self.failure is None and self.stale

    @property
    def live(self) -> bool:
        """Whether the numbers are current: read by the last pass, and not long ago."""
        return self.failure is None and not self.stale

    @property
    def read_at(self) -> datetime | None:
        """When the reading was taken."""
        return self.reading.taken_at if self.reading else None

    @property
    def plan(self) -> str | None:
        """The plan's name."""
        return self.reading.plan if self.reading else None


def build_views(
    snapshot: Snapshot, now: datetime, forecasts: Forecasts | None = None
) -> tuple[AccountView, ...]:
    """Return every account as it may be shown at `now` (UTC); only live ones have forecasts."""
    views = []
    for account in snapshot.accounts:
        label, reading, failure = account.label, account.reading, account.failure
        if reading is None:
            views.append(
                AccountView(label, failure, None, (), None, stale=True, source=account.source)
            )
            continue
        taken_at, age = reading.taken_at, now - reading.taken_at
        stale = is_stale(age, snapshot.interval)
        known = {} if stale or failure or not forecasts else forecasts
        windows = []
        for name in sort_for_display(reading.windows):
            window, forecast = reading.windows[name], known.get((label, name))
            used, resets_at = window.utilization, window.resets_at
            due = window.has_reset(taken_at, now)
            overdue = resets_at is not None and resets_at <= taken_at
            windows.append(WindowView(name, used, resets_at, due, overdue, forecast))
        stale_at = compute_stale_at(taken_at, snapshot.interval)
        views.append(
            AccountView(
                label, failure, reading, tuple(windows), age, stale, stale_at, account.source
            )
        )
    return tuple(views)


def find_last_reset(windows: Iterable[WindowView]) -> WindowView:
    """Return the window that resets last; one whose reset time is unknown counts as later."""
    return max(windows, key=lambda each: each.resets_at.timestamp() if each.resets_at else inf)


def select_accounts(snapshot: Snapshot, labels: Iterable[str]) -> Snapshot:
    """Return a snapshot with only the accounts with these labels, in this order.

    One that no pass has seen yet has neither reading nor failure. Before the first pass there
    are none.
    """
    if snapshot.fetched_at is None:
        return replace(snapshot, accounts=())
    known = {account.label: account for account in snapshot.accounts}
    return replace(snapshot, accounts=tuple(known.get(x) or Account(x, None) for x in labels))
