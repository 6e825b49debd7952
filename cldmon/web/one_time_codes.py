"""One-time login codes: eight digits, sent to a Slack user, valid for ten minutes.

Wrong codes are counted per person, across all of their codes: the fifth invalidates the pending
one, and each time the next code is delayed longer. Nothing is counted without a pending code,
since there is nothing to guess. Everything is in memory, the codes hashed with a key of this
process: a restart invalidates them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING

from cldmon.web.limits import rate_limit_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

DIGITS = 8
MAX_CODE_LENGTH = 20
"""Characters that are compared."""

LIFETIME = timedelta(minutes=10)
TRIES = 5
MAX_DELAY = timedelta(hours=1)
"""A used-up code delays the next one by one minute, then two, four … up to this."""

MAX_SENT = 5
"""Codes sent within `SENDING_SPAN`, not counting those that were used up."""

SENDING_SPAN = timedelta(hours=1)
WARN_AGAIN_AFTER = timedelta(days=1)
FORGET_AFTER = timedelta(days=1)
"""If no code is sent or entered for this long, counting starts over."""


class Outcome(Enum):
    """The result of entering a code."""

    RIGHT = auto()
    WRONG = auto()
    USED_UP = auto()
    """The last wrong try: the pending code is invalid now."""
    NOT_PENDING = auto()


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of entering a code, and what the person may still do.

    `should_warn`: the code was used up, and the person has not been warned for a day.
    """

    outcome: Outcome
    tries_left: int = 0
    wait: timedelta = timedelta()
    should_warn: bool = False


@dataclass(slots=True)
class _Record:
    """One person's codes. `touched` is when one was last sent or entered."""

    touched: datetime
    digest: bytes | None = None
    issued_at: datetime | None = None
    tries: int = TRIES
    used_up: int = 0
    used_up_at: datetime | None = None
    warned_at: datetime | None = None
    sent_at: list[datetime] = field(default_factory=list)


class Codes:
    """The codes that were sent and not yet used, one per person. Threads may share it.

    Records are created only when a code is sent, so there are at most as many as people in Slack.
    None is dropped early, so that a flood of others does not reset anyone's count.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._key = secrets.token_bytes(32)
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._records)

    def issue(self, user: str) -> str:
        """Return a new code for a user, which replaces any older one.

        Raises 429 if it is too soon for another one.
        """
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        with self._lock:
            now = self._now()
            while self._records:
                oldest_user, oldest = next(iter(self._records.items()))
                if _is_within(oldest.touched, FORGET_AFTER, now):
                    break
                del self._records[oldest_user]
            record = self._records.get(user) or _Record(now)
            if wait := _compute_wait(record, now):
                raise rate_limit_error("wrong codes", wait)
            record.sent_at = [at for at in record.sent_at if _is_within(at, SENDING_SPAN, now)]
            if len(record.sent_at) >= MAX_SENT:
                raise rate_limit_error("codes", record.sent_at[0] + SENDING_SPAN - now)
            self._touch(user, record, now)
            record.sent_at.append(now)
            record.digest, record.issued_at = self._compute_digest(user, code), now
        return code

    def cancel(self, user: str, code: str) -> None:
        """Withdraw a code that could not be sent."""
        with self._lock:
            record = self._records.get(user)
            if record and record.digest and self._matches(record.digest, user, code):
                record.digest = None
                record.sent_at.pop()

    def redeem(self, user: str, code: str) -> Attempt:
        """Redeem a code, which works once; each wrong one costs a try."""
        with self._lock:
            now = self._now()
            record = self._records.get(user)
            if record is None or record.digest is None:
                return Attempt(Outcome.NOT_PENDING)
            if not _is_within(record.issued_at, LIFETIME, now):
                return Attempt(Outcome.NOT_PENDING)
            if self._matches(record.digest, user, code):
                self._touch(user, _Record(now, warned_at=record.warned_at), now)
                return Attempt(Outcome.RIGHT)
            self._touch(user, record, now)
            record.tries -= 1
            if record.tries:
                return Attempt(Outcome.WRONG, record.tries)
            record.digest, record.tries = None, TRIES
            record.sent_at.pop()  # `used_up` delays the next one from now on
            is_recent = _is_within(record.used_up_at, FORGET_AFTER, now)
            record.used_up, record.used_up_at = record.used_up + 1 if is_recent else 1, now
            should_warn = not _is_within(record.warned_at, WARN_AGAIN_AFTER, now)
            if should_warn:
                record.warned_at = now
            return Attempt(Outcome.USED_UP, 0, _compute_wait(record, now), should_warn)

    def _touch(self, user: str, record: _Record, now: datetime) -> None:
        record.touched = now
        self._records[user] = record
        self._records.move_to_end(user)

    def _matches(self, digest: bytes, user: str, code: str) -> bool:
        return hmac.compare_digest(digest, self._compute_digest(user, code))

    def _compute_digest(self, user: str, code: str) -> bytes:
        text = f"{user}\0{code}".encode(errors="surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).digest()


def _compute_wait(record: _Record, now: datetime) -> timedelta:
    """Return how long until the next code may be sent."""
    if record.used_up_at is None or record.used_up_at > now:
        return timedelta()
    doublings = min(record.used_up - 1, 10)
    delay = min(timedelta(minutes=2**doublings), MAX_DELAY)
    return max(record.used_up_at + delay - now, timedelta())


def _is_within(start: datetime | None, span: timedelta, now: datetime) -> bool:
    """Return whether less than `span` has passed (the clock may have been set back)."""
    return start is not None and start <= now < start + span
