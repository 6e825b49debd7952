"""An account's cookies between passes, which preserve Cloudflare's clearance.

The session key is never stored with them. It always comes from the configuration, so no response
can replace or clear it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cldmon import files
from cldmon.domain.secret import looks_secret
from cldmon.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.secret import Secret

SESSION_COOKIE = "sessionKey"
SESSION_COOKIES = (SESSION_COOKIE, "sessionKeyV3")
"""The names that the service uses for a session key; cldmon sends the first."""
_IDLE_DAYS = 30
"""By then the session key has expired, too."""
_MAX_BYTES = 8_000
"""The limit for all cookies together: servers refuse requests with long headers."""

_SESSION = -1
_LAST_EXPIRY = 253_402_300_799
"""The end of the year 9999: browsers refuse later dates."""

_FIELDS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "value": str,
    "domain": str,
    "path": str,
    "expires": (int, float),
    "httpOnly": bool,
    "secure": bool,
    "sameSite": str,
}
# Set on cookies that are bound to the embedding site, as Cloudflare's clearance is.
_OPTIONAL_FIELDS = {"partitionKey": str, "_crHasCrossSiteAncestor": bool}


def session_cookie(url: str, key: Secret) -> dict[str, Any]:
    """Return the cookie that sends a session key to the service at `url` and nowhere else."""
    service = urlsplit(url)
    host = service.hostname or ""
    return {
        "name": SESSION_COOKIE,
        "value": key.reveal(),
        "domain": f"[{host}]" if ":" in host else host,
        "path": "/",
        "expires": _SESSION,
        "httpOnly": True,
        "secure": service.scheme == "https",
        "sameSite": "Lax",
    }


class CookieStore:
    """The cookies of one account, bound to its session key: another key finds it empty.

    This is only a cache: if it can't be read or written, the cost is at most a challenge.
    """

    def __init__(self, folder: Path, label: str, key: Secret) -> None:
        name = hashlib.sha256(label.encode()).hexdigest()[:16]
        self._path = folder / f"{name}.json"
        self._owner = key.fingerprint()

    def load(self, now: datetime) -> list[dict[str, Any]]:
        """Return the cookies that have not expired; none if the file is invalid."""
        try:
            body = json.loads(files.read(self._path) or b"")
            kept = body["cookies"] if body["key"] == self._owner else []
            return [
                c
                for c in kept
                if _is_cookie(c)
                and (c["expires"] == _SESSION or now.timestamp() < c["expires"] <= _LAST_EXPIRY)
            ]
        except (StoreError, ValueError, KeyError, TypeError, RecursionError):
            return []

    def save(self, cookies: Sequence[Any]) -> None:
        """Store the cookies that the service has set, except the session key."""
        known = _FIELDS | _OPTIONAL_FIELDS
        kept, left = [], _MAX_BYTES
        # Cloudflare's come first, so that they are not dropped.
        for cookie in sorted(cookies, key=lambda cookie: not is_clearance(cookie)):
            if cookie["name"] in SESSION_COOKIES or looks_secret(cookie["value"]):
                continue
            left -= len(f"{cookie['name']}={cookie['value']}; ".encode())
            if left >= 0:
                kept.append({name: cookie[name] for name in known if name in cookie})
        body = {"key": self._owner, "cookies": kept}
        with contextlib.suppress(StoreError):
            files.create_private_dir(self._path.parent)
            files.replace(self._path, json.dumps(body).encode(), durable=False)

    def clear(self) -> None:
        """Forget every cookie."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def remove_idle(folder: Path, now: datetime) -> None:
    """Remove the cookies of accounts that no pass has read for a month."""
    oldest = (now - timedelta(days=_IDLE_DAYS)).timestamp()
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.suffix == ".json" and path.lstat().st_mtime < oldest:
                path.unlink()


def is_clearance(cookie: Any) -> bool:
    """Return whether a cookie is one of Cloudflare's."""
    return bool(cookie["name"].lstrip("_").startswith("cf"))


def _is_cookie(value: object) -> bool:
    return (
        isinstance(value, dict)
        and all(isinstance(value.get(name), kind) for name, kind in _FIELDS.items())
        and all(
            isinstance(value.get(name, kind()), kind) for name, kind in _OPTIONAL_FIELDS.items()
        )
        and value["sameSite"] in ("Strict", "Lax", "None")
        and bool(value["domain"] and value["path"].startswith("/"))
    )
