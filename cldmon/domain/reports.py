"""What people's machines report, and how reports from several machines become one reading. Pure.

Source: contract, "Reports".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cldmon.domain import json_types
from cldmon.domain.model import REPORT, Reading
from cldmon.domain.windows import JITTER, is_same_reset, sort_for_display

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from cldmon.domain.model import Window

MAX_WINDOWS = 50
"""Windows of one report, and of an account whose machines report more in all."""

SETTLED = timedelta(minutes=10)
"""How much newer a lower value of another machine has to be: that machine may show old numbers."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one machine knew of an account at `read_at`; it sent that at `sent_at` (UTC).

    `account_hash` identifies the Claude account without naming it, if the machine knows it.
    """

    account: str
    machine: str
    read_at: datetime
    sent_at: datetime
    windows: Mapping[str, Window]
    account_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Which machine reported a window's value, and when that value was read (UTC)."""

    machine: str
    read_at: datetime


@dataclass(frozen=True, slots=True)
class MergedReports:
    """A reading made of reports, and where each of its windows comes from.

    `news` are the windows that the reports changed or confirmed; the others were known before.
    """

    reading: Reading
    origins: Mapping[str, Origin]
    news: frozenset[str]


def to_json(report: Report) -> dict[str, Any]:
    """Return a report as machines send it."""
    windows = [
        {"name": name, **json_types.to_json(window)} for name, window in report.windows.items()
    ]
    body = {"version": 1, **json_types.to_json(report), "windows": windows}
    if report.account_hash is None:
        del body["accountHash"]
    return body


def merge(
    last: Reading | None,
    origins: Mapping[str, Origin],
    reports: Iterable[Report],
    longest: timedelta,
) -> MergedReports | None:
    """Return the reading after some reports; None if none is newer than the last reading.

    `origins` are those of the last reading's windows, if that was made of reports: of these, it
    keeps for `longest` what a report does not mention, since a machine may know only some limits.
    """
    newer = [each for each in reports if last is None or each.read_at > last.taken_at]
    if not newer:
        return None
    known = last.windows if last and last.source == REPORT else {}
    windows = {name: window for name, window in known.items() if name in origins}
    origins, news = {name: origins[name] for name in windows}, set()
    for report in sorted(newer, key=lambda each: (each.read_at, each.machine)):
        origin = Origin(report.machine, report.read_at)
        for name, window in report.windows.items():
            if name not in windows or _replaces(window, origin, windows[name], origins[name]):
                windows[name], origins[name] = window, origin
                news.add(name)
    taken_at = max(report.read_at for report in newer)
    current = [
        name
        for name, window in windows.items()
        if taken_at - origins[name].read_at <= longest
        and not window.has_reset(origins[name].read_at, taken_at)
    ]
    # A machine may invent names, other ones each time; those that are known come first.
    kept = {name: windows[name] for name in sort_for_display(current)[:MAX_WINDOWS]}
    reading = Reading(
        taken_at,
        kept,
        plan=last.plan if last else None,
        organization=last.organization if last else None,
        source=REPORT,
    )
    return MergedReports(
        reading, {name: origins[name] for name in kept}, frozenset(news & set(kept))
    )


def _replaces(new: Window, new_origin: Origin, old: Window, old_origin: Origin) -> bool:
    """Return whether a newer value of a window is taken in place of the known one."""
    if new.resets_at and old.resets_at:
        is_over = new.resets_at <= new_origin.read_at
        if is_over and old.resets_at - new.resets_at > JITTER:
            return False  # that machine has not seen the window that runs now
    if not is_same_reset(new.resets_at, old.resets_at) or new.utilization >= old.utilization:
        return True
    if new_origin.machine == old_origin.machine:
        return True
    return new_origin.read_at - old_origin.read_at >= SETTLED
