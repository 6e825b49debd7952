"""One-time login codes: six digits, sent to a Slack user, good for ten minutes and five tries.

They are kept in memory, hashed under a key of this process: a restart makes all of them void.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

LIFETIME = timedelta(minutes=10)
TRIES = 5
DIGITS = 6
MOST_PENDING = 4096


@dataclass(slots=True)
class _Pending:
    digest: bytes
    until: datetime
    tries: int = TRIES


class Codes:
    """The codes that were sent and not yet used, one for each user. Threads may share it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._key = secrets.token_bytes(32)
        self._pending: OrderedDict[str, _Pending] = OrderedDict()
        self._lock = threading.Lock()

    def issue(self, user: str) -> str:
        """Return a new code for a user; it takes the place of an older one."""
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        with self._lock:
            self._pending[user] = _Pending(self._digest(user, code), self._now() + LIFETIME)
            self._pending.move_to_end(user)
            if len(self._pending) > MOST_PENDING:
                self._pending.popitem(last=False)
        return code

    def redeem(self, user: str, code: str) -> bool:
        """Tell whether this is the user's code, and use it up; each wrong one costs a try."""
        given = self._digest(user, code)
        with self._lock:
            pending = self._pending.get(user)
            if pending is None:
                return False
            pending.tries -= 1
            right = hmac.compare_digest(pending.digest, given) and self._now() < pending.until
            if right or pending.tries == 0:
                del self._pending[user]
        return right

    def _digest(self, user: str, code: str) -> bytes:
        text = f"{user}\0{code}".encode(errors="surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).digest()
