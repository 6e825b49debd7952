"""What a pass makes of reports, given the readings that it has: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.freshness import STALE_INTERVALS
from cldmon.domain.reports import merge
from cldmon.store.state import AccountState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from cldmon.domain.reports import MergedReports, Report
    from cldmon.store.state import State


def is_any_fresh(reports: Sequence[Report], now: datetime, interval: timedelta) -> bool:
    """Return whether a report is so new that the service need not be asked."""
    return any(now - report.read_at < interval for report in reports)


def merge_reports(
    reports: Mapping[str, Sequence[Report]], state: State, now: datetime, interval: timedelta
) -> dict[str, MergedReports]:
    """Return the new readings that reports give, by label."""
    last = {
        account.label: account.reading
        for account in state.snapshot.accounts
        # A later one is from before the clock was set back.
        if account.reading and account.reading.taken_at <= now
    }
    merged = {}
    for label, found in reports.items():
        origins = state.account_states.get(label, AccountState()).origins
        if result := merge(last.get(label), origins, found, STALE_INTERVALS * interval):
            merged[label] = result
    return merged
