"""The parts that the composition root passes to the endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from threading import Lock, Semaphore
from typing import TYPE_CHECKING

from cldmon.files import FileCache
from cldmon.reports.store import ReportFiles
from cldmon.reports.tokens import TokensFile, hash_token
from cldmon.web.limits import LOCK_SECONDS, ConcurrencyLimiter, RateLimiter
from cldmon.web.one_time_codes import Codes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from cldmon.reports.tokens import Token
    from cldmon.store.subscriptions import SubscriptionsFile
    from cldmon.web.confirmations import Confirmations
    from cldmon.web.http import Document
    from cldmon.web.person_hashes import PersonHashes
    from cldmon.web.sessions import Sessions
    from cldmon.web.settings import ServerSettings
    from cldmon.web.usage import Usage


MAX_REPORTS = 24
"""Reports that are written at a time. They share the disk's syncs; more would slow down others."""


class RateLimits:
    """Counts, codes and slots. They outlive changes of the configuration."""

    def __init__(self, now: Callable[[], datetime], reports_a_minute: int = 60) -> None:
        minute = timedelta(minutes=1)
        self.codes = Codes(now)
        self.logins = RateLimiter(60, minute, now)
        """By address, like the next four; the last two are by user."""
        self.logouts = RateLimiter(60, minute, now)
        """Guests can log out too, and each logout rewrites the revocation file."""
        self.wrong_codes = RateLimiter(20, 10 * minute, now)
        self.searches = RateLimiter(600, minute, now)
        self.anonymous_searches = RateLimiter(200, 10 * minute, now)
        """For strangers if a code is required, so that they can't list all names within minutes."""
        self.logins_as = RateLimiter(20, minute, now)
        self.changes_by = RateLimiter(60, minute, now)
        self.reports = RateLimiter(reports_a_minute, minute, now)
        """By token: a machine reports at most once a minute, but several may share a token."""
        self.slack_slots = ConcurrencyLimiter("Slack is slow: try again in a moment", max_active=16)
        self.change_slots = _write_slots("changes of alerts")
        self.logout_slots = _write_slots("logouts")
        self.report_slots = Semaphore(MAX_REPORTS)
        """No fair queue: each token is limited by itself, and most wait for the disk only."""
        # Each holds a day of history in memory.
        self.history_slots = ConcurrencyLimiter(
            "too many requests for history", max_active=2, max_queued=30
        )


def _write_slots(what: str) -> ConcurrencyLimiter:
    """Return slots for writing a locked file: few may wait while other processes hold the lock."""
    return ConcurrencyLimiter(
        f"too many {what} are waiting", max_active=1, max_queued=7, patience=LOCK_SECONDS
    )


class ReportIntake:
    """The files of reports and tokens. Threads may share it."""

    def __init__(self, data_dir: Path) -> None:
        self.files = ReportFiles(data_dir, LOCK_SECONDS)
        self.tokens = TokensFile(data_dir, LOCK_SECONDS)
        self._cache = FileCache(self.tokens.path, self.tokens.load)
        self._uses: dict[str, datetime] = {}
        self._noting = Lock()

    def find(self, token: str) -> Token | None:
        """Return what is known of a token, or None; raises StoreError."""
        return self._cache.value().get(hash_token(token))

    def note_use(self, token: Token, now: datetime) -> None:
        """Note that a token was used. Of many at a time, one thread notes all."""
        if token.is_use_known(now):
            return
        self._uses[token.hash] = now
        if self._noting.acquire(blocking=False):
            try:
                uses, self._uses = self._uses, {}
                self.tokens.mark_used(uses)
            finally:
                self._noting.release()


@dataclass(frozen=True)
class Services:
    """Everything that an endpoint needs. `now` returns UTC instants."""

    settings: ServerSettings
    sessions: Sessions
    person_hashes: PersonHashes
    rate_limits: RateLimits
    usage: Usage
    subscriptions: SubscriptionsFile
    confirmations: Confirmations
    intake: ReportIntake
    data_dir: Path
    pages: Mapping[str, Document]
    now: Callable[[], datetime]
