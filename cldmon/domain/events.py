"""What happens to accounts and their windows, and what is remembered to detect it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from cldmon.domain.model import Percent, Window


class EventKind(StrEnum):
    """What can happen. Source: contract, "Alerts"."""

    LIMIT_HIT = "limit_hit"
    USAGE_RESET = "usage_reset"
    THRESHOLD = "threshold"
    RUN_OUT = "run_out"
    LIMIT_CHANGED = "limit_changed"
    KEY_EXPIRING = "key_expiring"
    ACCOUNT_FAILED = "account_failed"
    ACCOUNT_RECOVERED = "account_recovered"
    SAVED_RESET_ENDING = "saved_reset_ending"
    TEST = "test"
    """Nothing happened: someone is testing a channel. It is sent at once, never stored."""
    DIGEST = "digest"
    """Nothing happened either: the digest, as a message to a channel."""


OCCURRENCES = tuple(kind for kind in EventKind if kind not in (EventKind.TEST, EventKind.DIGEST))
"""The kinds that are stored in events files, and that channels can choose."""


MIN_THRESHOLD, MAX_THRESHOLD = 1, 99
MAX_THRESHOLDS = 10
"""How many thresholds one subscription may have."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to account `label`, as seen at `at` (UTC).

    `utilization` and `resets_at` are the window's after the event; for a
    saved reset `resets_at` is when it ends. `thresholds` are those crossed, ascending; a message
    to one recipient has only theirs. `before` is the window before its limit changed, `full_at`
    the forecast of a `run_out`. `limited_by` is the full window that blocks longest after a
    reset, or longer than the limit that was hit, until `limited_until`. `days` is the age of a
    session key, `reason` why an account failed, in words. A digest has a `text`, whose first
    line is its title, and no `label`.
    """

    kind: EventKind
    label: str
    window: str | None
    at: datetime
    resets_at: datetime | None = None
    utilization: Percent | None = None
    thresholds: tuple[int, ...] = ()
    before: Window | None = None
    full_at: datetime | None = None
    limited_by: str | None = None
    limited_until: datetime | None = None
    days: int | None = None
    reason: str | None = None
    text: str | None = None

    @property
    def threshold(self) -> int | None:
        """The highest threshold crossed."""
        return self.thresholds[-1] if self.thresholds else None


@dataclass(frozen=True, slots=True)
class WindowAlerts:
    """What alerts about one window are based on.

    `confirmed` is its last confirmed reading, kept when the window vanishes; `pending` is a fall
    that the next reading has to confirm. `fired` are the thresholds crossed in this window
    instance. `run_out_readings` counts the readings in a row that forecast it full early (up to
    2); `run_out_fired` is whether that was an event in this instance.
    """

    confirmed: Window
    pending: Window | None = None
    fired: tuple[int, ...] = ()
    run_out_readings: int = 0
    run_out_fired: bool = False


@dataclass(frozen=True, slots=True)
class Outage:
    """Failed attempts in a row to read an account, since `since` (UTC).

    `reported`: there was an event for it.
    """

    since: datetime
    attempts: int
    reported: bool = False
