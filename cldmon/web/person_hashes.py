"""What stands for a Slack id towards strangers: a keyed hash, good for a login within the hour."""

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
    """Makes and resolves them; its key is made from `secret` for this purpose alone.

    A hash says when it was made, and which person it stands for only to who has the key.
    """

    def __init__(self, secret: Secret, now: Callable[[], datetime]) -> None:
        self._key = hmac.digest(secret.reveal().encode(), _PURPOSE, "sha256")
        self._now = now

    def make(self, id_: str) -> str:
        """Return what stands for an id from now on."""
        issued = int(self._now().timestamp())
        return f"{issued:x}-{self._digest(id_, issued)}"

    def resolve(self, text: str, ids: Iterable[str]) -> str | None:
        """Return the id, one of `ids`, that a hash stands for; None if for none, or no longer."""
        match = _FORM.fullmatch(text)
        if match is None:
            return None
        issued = int(match["issued"], 16)
        age = self._now().timestamp() - issued
        if not 0 <= age < LIFETIME.total_seconds():
            return None
        matching = (id_ for id_ in ids if self._is(match["digest"], id_, issued))
        return next(matching, None)

    def _is(self, digest: str, id_: str, issued: int) -> bool:
        return hmac.compare_digest(digest, self._digest(id_, issued))

    def _digest(self, id_: str, issued: int) -> str:
        digest = hmac.digest(self._key, f"{issued} {id_}".encode(), "sha256")
        return digest[:_DIGEST_BYTES].hex()
