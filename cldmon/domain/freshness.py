"""Whether readings are still current: stale, due, overdue.

This is decided only here. Every output (table, line, CSV, JSON, page, metrics, health) renders
these values, so that none shows an old number as current. Source: contract, "Numbers are honest".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cldmon.domain.model import FULL, Account, format_iso, format_optional
from cldmon.domain.snapshot import (
    credits_to_json,
    failure_to_json,
    pool_to_json,
    saved_resets_to_json,
)
from cldmon.domain.windows import (
    FIVE_HOUR,
    SEVEN_DAY,
    WINDOW_KINDS,
    nest,
    short_title,
    sort_for_display,
    title,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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

_MISSING = {"utilization": 0, "resetsAt": None, "missing": True}
"""For a documented window that the account lacks: the Node program's page expects a number."""
_EXTRA_USAGE = ("used", "limit", "currency", "exponent")
_WINDOW_KINDS = [
    {"name": kind.name, "title": kind.title, "short": kind.short} for kind in WINDOW_KINDS
]
"""For naming windows in the history that no account has any more."""


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
    (UTC) and `age` ago. Those are None if there never was one.
    """

    label: str
    failure: Failure | None
    reading: Reading | None
    windows: tuple[WindowView, ...]
    age: timedelta | None
    stale: bool
    stale_at: datetime | None = None

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
            views.append(AccountView(label, failure, None, (), None, stale=True))
            continue
        taken_at, age = reading.taken_at, now - reading.taken_at
        stale = is_stale(age, snapshot.interval)
        known = {} if stale or failure or not forecasts else forecasts
        windows = []
        for name in sort_for_display(reading.windows):
            used, resets_at = reading.windows[name].utilization, reading.windows[name].resets_at
            overdue = resets_at is not None and resets_at <= taken_at
            due = resets_at is not None and taken_at < resets_at <= now
            forecast = known.get((label, name))
            windows.append(WindowView(name, used, resets_at, due, overdue, forecast))
        stale_at = compute_stale_at(taken_at, snapshot.interval)
        views.append(AccountView(label, failure, reading, tuple(windows), age, stale, stale_at))
    return tuple(views)


def select_accounts(snapshot: Snapshot, labels: Iterable[str]) -> Snapshot:
    """Return a snapshot with only the accounts with these labels, in this order.

    One that no pass has seen yet has neither reading nor failure. Before the first pass there
    are none.
    """
    if snapshot.fetched_at is None:
        return replace(snapshot, accounts=())
    known = {account.label: account for account in snapshot.accounts}
    return replace(snapshot, accounts=tuple(known.get(x) or Account(x, None) for x in labels))


def to_json(
    snapshot: Snapshot, now: datetime, forecasts: Forecasts | None = None
) -> dict[str, Any]:
    """Return a snapshot as `GET /api/usage` and `status --json` show it at `now` (UTC).

    Without session and subscriptions. Source: contract, "HTTP".
    """
    body: dict[str, Any] = {
        "fetchedAt": format_optional(snapshot.fetched_at),
        "staleAt": format_optional(compute_stale_at(snapshot.fetched_at, snapshot.interval)),
        "accounts": [_account_json(account) for account in build_views(snapshot, now, forecasts)],
        "refreshIntervalMs": snapshot.interval // timedelta(milliseconds=1),
        "slackEnabled": snapshot.slack_enabled,
        "windowKinds": _WINDOW_KINDS,
    }
    return body if snapshot.fetched_at else {**body, "loading": True}


def _account_json(account: AccountView) -> dict[str, Any]:
    age = {
        "stale": account.stale,
        "staleAt": format_optional(account.stale_at),
        "ageSeconds": None if account.age is None else int(account.age.total_seconds()),
    }
    shown = _reading_json(account)
    if shown and account.failure is None:
        return {"label": account.label, "status": "ok", **shown, **age}
    return {
        "label": account.label,
        **failure_to_json(account.failure),
        "lastGood": shown,
        "windows": [],
        "credits": None,
        "pools": [],
        "savedResets": None,
        "plan": account.plan,
        "source": "browser",
        **age,
    }


def _reading_json(account: AccountView) -> dict[str, Any] | None:
    reading = account.reading
    if reading is None:
        return None
    windows = {
        window.name: {
            "utilization": window.utilization,
            "resetsAt": format_optional(window.resets_at),
            "resetDue": window.due,
            "resetOverdue": window.overdue,
            "forecast": (forecast := window.forecast)
            and {
                "fullAt": format_optional(forecast.full_at),
                "endsAtPercent": forecast.ends_at_percent,
            },
        }
        for window in account.windows
    }
    money = credits_to_json(reading.credits)
    is_spent = reading.credits and reading.credits.enabled and reading.credits.used is not None
    return {
        FIVE_HOUR: _MISSING,
        SEVEN_DAY: _MISSING,
        **nest(windows),
        "windows": [
            {
                "name": window.name,
                "title": window.title,
                "short": window.short,
                **windows[window.name],
                "level": window.level,
            }
            for window in account.windows
        ],
        "credits": money,
        "pools": [pool_to_json(pool) for pool in reading.pools],
        "savedResets": saved_resets_to_json(reading.saved_resets),
        "plan": reading.plan,
        "source": "browser",
        "organization": reading.organization,
        "fetchedAt": format_iso(reading.taken_at),
        "extraUsage": {key: money[key] for key in _EXTRA_USAGE} if money and is_spent else None,
        "ignored": reading.ignored,
    }
