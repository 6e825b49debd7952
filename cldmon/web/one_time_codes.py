"""One-time login codes: eight digits, sent to a Slack user, good for ten minutes.

A person's wrong codes are counted over all of their codes: the fifth uses up the pending one, and
each time that happens the next one is sent later. Who has no code pending can be guessed at for
nothing, and nothing is counted. All of it is in memory, the codes hashed under a key of this
process: a restart makes them void.
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
"""Characters of a text that is looked at."""

LIFETIME = timedelta(minutes=10)
TRIES = 5
MAX_DELAY = timedelta(hours=1)
"""A code that was used up delays the next one by a minute, then two, four … up to so long."""

MAX_SENT = 5
"""Codes within `SENDING_SPAN`, beside those that were used up."""

SENDING_SPAN = timedelta(hours=1)
WARN_AGAIN_AFTER = timedelta(days=1)
FORGET_AFTER = timedelta(days=1)
"""Without a code that was sent or entered: then all tries are there again."""


class Outcome(Enum):
    """What became of a code that somebody entered."""

    RIGHT = auto()
    WRONG = auto()
    USED_UP = auto()
    """The last wrong one that is taken: the pending code is void."""
    NOT_PENDING = auto()


@dataclass(frozen=True, slots=True)
class Attempt:
    """An entered code: what became of it, and what the person may still do.

    `should_warn` says that they have not heard for a day that their codes are used up.
    """

    outcome: Outcome
    tries_left: int = 0
    wait: timedelta = timedelta()
    should_warn: bool = False


@dataclass(slots=True)
class _Record:
    """What is known of one person's codes. `touched` is when one was last sent or entered."""

    touched: datetime
    digest: bytes | None = None
    issued_at: datetime | None = None
    tries: int = TRIES
    used_up: int = 0
    used_up_at: datetime | None = None
    warned_at: datetime | None = None
    sent_at: list[datetime] = field(default_factory=list)


class Codes:
    """The codes that were sent and not yet used, one for each person. Threads may share it.

    A record is made only where a code is sent, so there are never more than people in Slack, and
    none is dropped before its time: a crowd of others makes nobody's count begin again.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._key = secrets.token_bytes(32)
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._records)

    def issue(self, user: str) -> str:
        """Return a new code for a user; it takes the place of an older one.

        Raises 429 where the next one may be sent only later.
        """
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        with self._lock:
            now = self._now()
            self._forget_old(now)
            record = self._records.get(user) or _Record(now)
            _check_may_send(record, now)
            self._touch(user, record, now)
            record.sent_at.append(now)
            record.digest, record.issued_at = self._digest(user, code), now
        return code

    def cancel(self, user: str, code: str) -> None:
        """Take a code back that could not be sent."""
        with self._lock:
            record = self._records.get(user)
            if record and record.digest and self._is(record.digest, user, code):
                record.digest = None
                record.sent_at.pop()

    def redeem(self, user: str, code: str) -> Attempt:
        """Return what became of a code, which works once; each wrong one costs a try."""
        with self._lock:
            now = self._now()
            record = self._records.get(user)
            if record is None or not _is_pending(record, now) or record.digest is None:
                return Attempt(Outcome.NOT_PENDING)
            if self._is(record.digest, user, code):
                self._touch(user, _Record(now, warned_at=record.warned_at), now)
                return Attempt(Outcome.RIGHT)
            self._touch(user, record, now)
            record.tries -= 1
            if record.tries:
                return Attempt(Outcome.WRONG, record.tries)
            return _use_up(record, now)

    def _touch(self, user: str, record: _Record, now: datetime) -> None:
        record.touched = now
        self._records[user] = record
        self._records.move_to_end(user)

    def _forget_old(self, now: datetime) -> None:
        """Drop the records that nothing was done with for so long."""
        while self._records:
            user, oldest = next(iter(self._records.items()))
            if _is_within(oldest.touched, FORGET_AFTER, now):
                return
            del self._records[user]

    def _is(self, digest: bytes, user: str, code: str) -> bool:
        return hmac.compare_digest(digest, self._digest(user, code))

    def _digest(self, user: str, code: str) -> bytes:
        text = f"{user}\0{code}".encode(errors="surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).digest()


def _check_may_send(record: _Record, now: datetime) -> None:
    """Raise 429 unless another code may be sent now."""
    if wait := _wait(record, now):
        raise rate_limit_error("wrong codes", wait)
    record.sent_at = [at for at in record.sent_at if _is_within(at, SENDING_SPAN, now)]
    if len(record.sent_at) >= MAX_SENT:
        raise rate_limit_error("codes", record.sent_at[0] + SENDING_SPAN - now)


def _use_up(record: _Record, now: datetime) -> Attempt:
    record.digest, record.tries = None, TRIES
    last = record.used_up_at
    record.used_up = record.used_up + 1 if last and _is_within(last, FORGET_AFTER, now) else 1
    record.used_up_at = now
    record.sent_at.pop()  # what delays the next one from now on is `used_up`
    warned = record.warned_at is not None and _is_within(record.warned_at, WARN_AGAIN_AFTER, now)
    if not warned:
        record.warned_at = now
    return Attempt(Outcome.USED_UP, 0, _wait(record, now), should_warn=not warned)


def _is_pending(record: _Record, now: datetime) -> bool:
    return record.issued_at is not None and _is_within(record.issued_at, LIFETIME, now)


def _wait(record: _Record, now: datetime) -> timedelta:
    """Return how long it is until the next code may be sent."""
    if record.used_up_at is None or record.used_up_at > now:
        return timedelta()
    doublings = min(record.used_up - 1, 10)
    delay = min(timedelta(minutes=2**doublings), MAX_DELAY)
    return max(record.used_up_at + delay - now, timedelta())


def _is_within(start: datetime, span: timedelta, now: datetime) -> bool:
    """Return whether less than `span` has passed; not where the clock was set back since."""
    return start <= now < start + span
