"""The values that all other modules use: frozen, without side effects."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Percent: TypeAlias = int
"""A utilization as displayed, 0 to 100 (see `to_displayed_percent`)."""
Decimals: TypeAlias = int
"""How many digits of an amount in minor units are decimals."""

BROWSER, REPORT = "browser", "report"
"""The sources of readings: the service, asked by the browser, or a person's own machine."""


@dataclass(frozen=True, slots=True)
class Window:
    """How much of one usage window is used, at one instant.

    `resets_at` is a UTC instant, or None if no window is running.
    """

    utilization: Percent
    resets_at: datetime | None

    def has_reset(self, read_at: datetime, now: datetime) -> bool:
        """Return whether it has reset at `now`, since it was read at `read_at`."""
        return self.resets_at is not None and read_at < self.resets_at <= now


@dataclass(frozen=True, slots=True)
class Credits:
    """Usage credits: money spent beyond the plan, in minor units of `currency` (`exponent` digits).

    `used` and `limit` are None if unknown. `reason` is why credits are off, in the service's own
    word (`out_of_credits`). `shared`: the amounts are the whole organization's.
    """

    used: int | None
    limit: int | None
    currency: str
    exponent: Decimals
    enabled: bool = True
    reason: str | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Pool:
    """A credit that is granted once and expires at `expires_at` (UTC); it is not a usage window.

    Money is in minor units of `currency` (`exponent` digits), None if unknown.
    """

    name: str
    title: str
    used: int | None
    limit: int | None
    utilization: Percent | None
    expires_at: datetime | None
    currency: str = "USD"
    exponent: Decimals = 2


@dataclass(frozen=True, slots=True)
class SavedResets:
    """How many saved limit resets are left, and when the first of them ends (UTC).

    `ends` is when each grant with unused ones ends; it is known of a new reading only.
    """

    left: int
    ends_at: datetime | None
    ends: tuple[datetime, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the service reported about one account at one instant.

    `windows` maps the names of the account's windows (see `cldmon.domain.windows`) to their
    values. `ignored` counts the parts of the response that were not understood. `source` is
    `BROWSER` or `REPORT`.
    """

    taken_at: datetime
    windows: Mapping[str, Window]
    plan: str | None = None
    organization: str | None = None
    credits: Credits | None = None
    pools: tuple[Pool, ...] = ()
    saved_resets: SavedResets | None = None
    ignored: int = 0
    source: str = BROWSER


class FailureKind(StrEnum):
    """Why an account could not be read. Each kind has its own remedy."""

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


CHALLENGES_UNTIL_ACTION = 3
"""A challenge may go away, but this many in a row do not."""
_TEMPORARY = {FailureKind.RATE_LIMITED, FailureKind.SERVICE_DOWN, FailureKind.TIMEOUT}

UNEXPECTED = "an unexpected error: run `cldmon --debug fetch` and report what it says"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an account could not be read, in words, and when to try again at the earliest."""

    kind: FailureKind
    message: str
    retry_at: datetime | None = None
    attempts: int = 1

    @property
    def needs_action(self) -> bool:
        """Whether someone has to act; otherwise the account recovers on its own."""
        if self.kind is FailureKind.CHALLENGED:
            return self.attempts >= CHALLENGES_UNTIL_ACTION
        return self.kind not in _TEMPORARY

    @classmethod
    def unexpected(cls, error: Exception) -> Failure:
        """Return the failure of an account that was not read because of an error in cldmon itself.

        The traceback is logged: `--debug` shows it.
        """
        import logging  # here because `status` has to start fast

        logging.getLogger(__name__).debug("unexpected:", exc_info=error)
        return cls(FailureKind.UNEXPECTED, f"{UNEXPECTED} ({type(error).__name__})")


@dataclass(frozen=True, slots=True)
class Account:
    """What is known about one account: its last good reading, and why there is no newer one.

    `reports_only`: no session key is configured for it, only reports.
    """

    label: str
    reading: Reading | None
    failure: Failure | None = None
    reports_only: bool = False

    @property
    def source(self) -> str:
        """Where its numbers come from; if there are none, where they are to come from."""
        if self.reading and not self.failure:
            return self.reading.source
        return REPORT if self.reports_only else BROWSER


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The accounts after the last pass; `fetched_at` is None before the first one."""

    fetched_at: datetime | None = None
    accounts: tuple[Account, ...] = ()
    interval: timedelta = timedelta(minutes=10)
    slack_enabled: bool = False
