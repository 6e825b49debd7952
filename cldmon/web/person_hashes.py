"""Keyed hashes that strangers see in place of Slack ids; valid for a login within the hour."""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from cldmon.domain.secret import Secret

LIFETIME = timedelta(hours=1)

_PURPOSE = b"cldmon login by hashed id"
_FORM = re.compile(r"(?P<issued>[1-9a-f][0-9a-f]{0,11})-(?P<digest>[0-9a-f]{32})")
_DIGEST_BYTES = 16


class PersonHashes:
    """Makes and resolves the hashes. The key is derived from `secret` for this purpose only.

    A hash reveals when it was made, but only this server can tell whose it is.
    """

    def __init__(self, secret: Secret, now: Callable[[], datetime]) -> None:
        self._key = hmac.digest(secret.reveal().encode(), _PURPOSE, "sha256")
        self._now = now

    def make(self, id_: str) -> str:
        """Return the hash of an id at this time."""
        issued = int(self._now().timestamp())
        return f"{issued:x}-{self._compute_digest(id_, issued)}"

    def resolve(self, text: str, ids: Iterable[str]) -> str | None:
        """Return which of `ids` a hash was made from; None if none, or too long ago."""
        match = _FORM.fullmatch(text)
        if match is None:
            return None
        issued = int(match["issued"], 16)
        age = self._now().timestamp() - issued
        if not 0 <= age < LIFETIME.total_seconds():
            return None
        given = match["digest"]
        matches = (x for x in ids if hmac.compare_digest(given, self._compute_digest(x, issued)))
        return next(matches, None)

    def _compute_digest(self, id_: str, issued: int) -> str:
        digest = hmac.digest(self._key, f"{issued} {id_}".encode(), "sha256")
        return digest[:_DIGEST_BYTES].hex()
