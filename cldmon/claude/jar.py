"""An account's cookies between passes: they keep Cloudflare's clearance.

The session key is never among them: it is taken from the configuration alone, so that no answer
can replace or clear it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from cldmon import files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.secret import Secret

SESSION_COOKIE = "sessionKey"
_MOST_COOKIES = 50
_FIELDS = ("name", "value", "domain", "path", "expires", "httpOnly", "secure", "sameSite")


class Jar:
    """The cookies of one account, bound to its session key: another key finds it empty."""

    def __init__(self, folder: Path, label: str, key: Secret) -> None:
        name = hashlib.sha256(label.encode()).hexdigest()[:16]
        self._path = folder / f"{name}.json"
        self._owner = key.fingerprint()

    def cookies(self, now: datetime) -> list[dict[str, Any]]:
        """Return the cookies that have not expired; none if the file is not understood."""
        try:
            body = json.loads(self._path.read_bytes())
            kept = body["cookies"] if body["key"] == self._owner else []
            return [c for c in kept if _lives(c, now)]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return []

    def keep(self, cookies: Sequence[Any]) -> None:
        """Store what the service has set, less the session key. A cache: it may be lost."""
        kept = [
            {name: cookie[name] for name in _FIELDS if name in cookie}
            for cookie in cookies
            if cookie["name"] != SESSION_COOKIE
        ]
        body = {"key": self._owner, "cookies": kept[:_MOST_COOKIES]}
        files.private_dir(self._path.parent)
        files.replace(self._path, json.dumps(body).encode(), durable=False)

    def empty(self) -> None:
        """Forget every cookie."""
        with files.explained("remove", self._path):
            self._path.unlink(missing_ok=True)


def _lives(cookie: dict[str, Any], now: datetime) -> bool:
    expires = cookie.get("expires", -1)
    return bool(expires == -1 or expires > now.timestamp())
