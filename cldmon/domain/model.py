"""The values that everything else speaks in: frozen, and free of any effect."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from cldmon.domain.instants import format_iso as format_iso
from cldmon.domain.instants import format_optional as format_optional

# The light half of the vocabulary, for those who use all of it.
from cldmon.domain.instants import from_iso as from_iso
from cldmon.domain.instants import from_ms as from_ms
from cldmon.domain.instants import to_ms as to_ms
from cldmon.domain.windows import FIVE_HOUR as FIVE_HOUR
from cldmon.domain.windows import FULL as FULL
from cldmon.domain.windows import MODEL_PREFIX as MODEL_PREFIX
from cldmon.domain.windows import SEVEN_DAY as SEVEN_DAY
from cldmon.domain.windows import duration as duration
from cldmon.domain.windows import short_title as short_title
from cldmon.domain.windows import title as title

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_MOST_PERCENT = 1000


@dataclass(frozen=True, slots=True)
class Window:
    """How much of one usage window is used, at one instant.

    `utilization` is in percent as displayed, 0 to 100 (see `displayed`).
    `resets_at` is a UTC instant, or None where no window runs.
    """

    utilization: int
    resets_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credits:
    """Usage credits: money spent beyond the plan, in minor units of `currency` (`exponent` digits).

    `used` and `limit` are None where they are not known. `reason` says why credits are off, in
    the service's own word (`out_of_credits`). `shared`: the sums are the whole organization's.
    """

    used: int | None
    limit: int | None
    currency: str
    exponent: int
    enabled: bool = True
    reason: str | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Pool:
    """A credit that is granted once and expires at `expires_at` (UTC); it is no usage window.

    Money is in minor units of `currency` (`exponent` digits), None where it is not known;
    `utilization` is in percent as displayed.
    """

    name: str
    title: str
    used: int | None
    limit: int | None
    utilization: int | None
    expires_at: datetime | None
    currency: str = "USD"
    exponent: int = 2


@dataclass(frozen=True, slots=True)
class SavedResets:
    """How many saved limit resets are left, and when the soonest of those ends (UTC)."""

    left: int
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the service said of one account at one instant.

    `windows` maps the names of the windows that the account has (see `cldmon.domain.windows`) to
    their values. `ignored` counts the parts of the answer that were not understood.
    """

    taken_at: datetime
    windows: Mapping[str, Window]
    plan: str | None = None
    organization: str | None = None
    credits: Credits | None = None
    pools: tuple[Pool, ...] = ()
    saved_resets: SavedResets | None = None
    ignored: int = 0


class FailureKind(StrEnum):
    """Why an account could not be read; each asks for something else from the reader."""

    KEY_MISSING = "key_missing"
    KEY_EXPIRED = "key_expired"
    WRONG_ORGANIZATION = "wrong_organization"
    REFUSED = "refused"
    CHALLENGED = "challenged"
    RATE_LIMITED = "rate_limited"
    SERVICE_DOWN = "service_down"
    NOT_UNDERSTOOD = "not_understood"
    TIMEOUT = "timeout"
    NO_BROWSER = "no_browser"
    UNEXPECTED = "unexpected"


UNEXPECTED = "an unexpected error: run `cldmon --debug fetch` and report what it says"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an account could not be read, in words, and until when to leave it alone."""

    kind: FailureKind
    message: str
    retry_at: datetime | None = None

    @classmethod
    def unexpected(cls, error: Exception) -> Failure:
        """Return the failure of an account that an error of cldmon's own kept from being read.

        The traceback is logged: `--debug` shows it.
        """
        import logging  # here, for `status` has to start fast

        logging.getLogger(__name__).debug("unexpected:", exc_info=error)
        return cls(FailureKind.UNEXPECTED, f"{UNEXPECTED} ({type(error).__name__})")


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of one account: its last good reading, and why there is no newer one."""

    label: str
    reading: Reading | None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The accounts as the last pass left them; `fetched_at` is None before the first one."""

    fetched_at: datetime | None = None
    accounts: tuple[Account, ...] = ()
    interval: timedelta = timedelta(minutes=10)
    slack_enabled: bool = False


def to_finite(value: object) -> float | None:
    """Return a value out of JSON if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # an int of hundreds of digits
        return None


def parse_percentage(value: object) -> int | None:
    """Return a value out of foreign JSON as the percentage that is shown; None if it is none.

    A little over 100 is seen where a limit was passed; what is far beyond was not understood.
    """
    percent = to_finite(value)
    return (
        to_displayed_percent(percent)
        if percent is not None and 0 <= percent <= _MOST_PERCENT
        else None
    )


def to_displayed_percent(percent: float) -> int:
    """Return a percentage as it is shown: rounded half up, and at most 100.

    Source: contract, "Transitions".
    """
    return min(FULL, math.floor(percent + 0.5))
