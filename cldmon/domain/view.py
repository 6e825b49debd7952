"""What may honestly be said now of readings that were taken earlier.

Every face (table, line, JSON, page, metrics) shows these values, so that none shows an old number
as live. Source: contract, "One pass".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cldmon.domain import snapshot as snapshots
from cldmon.domain.honest import annotated, is_due, is_stale
from cldmon.domain.model import FIVE_HOUR, SEVEN_DAY, Account

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from cldmon.domain.honest import Forecasts
    from cldmon.domain.model import ExtraUsage, Failure, Snapshot, Window

DOCUMENTED = (FIVE_HOUR, SEVEN_DAY)
"""The windows that are shown of every account."""


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

    `failure` comes first where there is one; the windows are then the last good reading's, made
    at `read_at` (UTC) and now of this `age`; both are None if there never was one.
    """

    label: str
    plan: str | None
    windows: tuple[WindowView, ...]
    extra_usage: ExtraUsage | None
    failure: Failure | None
    read_at: datetime | None
    age: timedelta | None
    stale: bool

    @property
    def live(self) -> bool:
        """Whether the numbers are of now: read by the last pass, and not long ago."""
        return self.failure is None and not self.stale

    def all_windows(self) -> dict[str, WindowView | None]:
        """Return the windows by name, the documented two first: None where one is missing.

        There are none at all before the first good reading.
        """
        if self.age is None:
            return {}
        named = {window.name: window for window in self.windows}
        return {name: named.get(name) for name in dict.fromkeys((*DOCUMENTED, *named))}


def view(snapshot: Snapshot, now: datetime) -> tuple[AccountView, ...]:
    """Return every account as it may be shown at `now` (UTC)."""
    return tuple(_account(account, snapshot.interval, now) for account in snapshot.accounts)


def configured(snapshot: Snapshot, labels: Iterable[str]) -> Snapshot:
    """Return a snapshot with the accounts of these labels, in their order, and no others.

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
    """Return a snapshot as `GET /api/usage` shows it at `now` (UTC); see `honest.annotated`."""
    return annotated(snapshots.to_json(snapshot), now, forecasts)


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
        read_at=reading.taken_at if reading else None,
        age=age,
        stale=age is None or is_stale(age, interval),
    )


def _window(name: str, window: Window, now: datetime) -> WindowView:
    return WindowView(name, window.utilization, window.resets_at, is_due(window.resets_at, now))
