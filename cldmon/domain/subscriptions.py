"""Who wants which alerts, and when not to disturb them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, time
from functools import cached_property
from typing import TYPE_CHECKING

from cldmon.domain.events import MAX_THRESHOLD, MAX_THRESHOLDS, MIN_THRESHOLD
from cldmon.domain.windows import FULL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, tzinfo
    from zoneinfo import ZoneInfo

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which alerts of one account one Slack user wants; `windows` None means all windows."""

    limit_hit: bool = False
    reset: bool = False
    thresholds: tuple[int, ...] = ()
    run_out: bool = False
    changes: bool = False
    windows: tuple[str, ...] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is wanted."""
        return not any((self.limit_hit, self.reset, self.thresholds, self.run_out, self.changes))


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours of the day in which a person receives no alerts; they may span midnight.

    `timezone` is an IANA name, or None for the zone in the person's Slack profile.
    """

    start: time
    end: time
    timezone: str | None = None

    def contain(self, now: datetime, zone: tzinfo | None) -> bool:
        """Return whether `now` (UTC) is within the quiet hours in `zone` (None: the server's)."""
        local = now.astimezone(UTC).astimezone(zone).time()
        if self.start < self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


def parse_thresholds(values: object) -> tuple[int, ...]:
    """Return thresholds in ascending order, each once; raises ValueError for anything else."""
    if not isinstance(values, list | tuple):
        raise ValueError("expected a list of percentages")  # noqa: TRY004 - for one except clause
    for value in values:
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        if not (is_integer and MIN_THRESHOLD <= value <= MAX_THRESHOLD):
            problem = f"{value!r} is not a percentage from 1 to 99"
            if value == FULL and is_integer:
                problem += "; a limit that is reached is an alert of its own"
            raise ValueError(problem)
    chosen = tuple(sorted(set(values)))
    if len(chosen) > MAX_THRESHOLDS:
        raise ValueError(f"{len(chosen)} thresholds: {MAX_THRESHOLDS} is the maximum")
    return chosen


def parse_quiet(start: object, end: object, timezone: object = None) -> QuietHours:
    """Return quiet hours from times such as `20:00`; raises ValueError for anything else."""
    if timezone is not None and not (isinstance(timezone, str) and find_zone(timezone)):
        raise ValueError(f"unknown timezone {timezone!r}; use a name such as Europe/Zurich")
    quiet = QuietHours(_parse_time(start), _parse_time(end), timezone)
    if quiet.start == quiet.end:
        raise ValueError("quiet hours begin and end at the same time")
    return quiet


def _parse_time(text: object) -> time:
    if not isinstance(text, str):
        raise ValueError('expected "from" and "to" as times of day such as "20:00"')  # noqa: TRY004
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time of day such as 20:00")
    return time(int(match[1]), int(match[2]))


def find_zone(name: str) -> ZoneInfo | None:
    """Return the time zone with this IANA name, or None if there is none."""
    from zoneinfo import ZoneInfo  # here because most commands do without

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None


@dataclass(frozen=True)
class Subscriptions:
    """Every user's settings: Slack user id → account label → subscription.

    `quiet` and `paused_until` (UTC) are by user. `problems` describes values of the file that are
    invalid and ignored.
    """

    users: Mapping[str, Mapping[str, Subscription]] = field(default_factory=dict)
    quiet: Mapping[str, QuietHours] = field(default_factory=dict)
    paused_until: Mapping[str, datetime] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def of(self, user: str, label: str) -> Subscription:
        """Return one user's settings for one account; all alerts are off by default."""
        return self.users.get(user, {}).get(label, Subscription())

    @cached_property
    def by_label(self) -> Mapping[str, Mapping[str, Subscription]]:
        """The same by account: label → Slack user id → subscription."""
        found: dict[str, dict[str, Subscription]] = {}
        for user, accounts in self.users.items():
            for label, subscription in accounts.items():
                found.setdefault(label, {})[user] = subscription
        return found
