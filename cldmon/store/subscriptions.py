"""subscriptions.json: who wants to hear of what. Compatible with the Node program's file.

A file that is not understood is reported and left alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.domain.subscriptions import Subscription, Subscriptions
from cldmon.errors import SubscriptionsCorruptError

if TYPE_CHECKING:
    from pathlib import Path


class SubscriptionsFile:
    """subscriptions.json in a data_dir; changed under a lock, by `subscribe` and `serve` alike.

    `patience` is how many seconds a change may wait for the lock.
    """

    def __init__(self, data_dir: Path, patience: float = 30.0) -> None:
        self.path = data_dir / "subscriptions.json"
        self._lock = data_dir / "subscriptions.lock"
        self._patience = patience

    def load(self) -> Subscriptions:
        """Return every user's settings; none before the first change.

        Raises `SubscriptionsCorruptError` for a file that is not understood, `StoreError` for one
        that cannot be read.
        """
        return _from_json(self._body(), self.path)

    def change(
        self, user: str, label: str, *, limit_hit: bool | None = None, reset: bool | None = None
    ) -> Subscription:
        """Change one user's settings for one account, and return what they are now.

        None leaves an alert as it was; every other key of the file is kept. Raises as `load`, and
        BusyError where others hold the lock for too long.
        """
        files.private_dir(self.path.parent)
        with files.lock(self._lock, wait=self._patience):
            body = self._body()
            old = _from_json(body, self.path).of(user, label)
            new = Subscription(
                old.limit_hit if limit_hit is None else limit_hit,
                old.reset if reset is None else reset,
            )
            _put(body, user, label, new)
            files.replace(self.path, _to_bytes(body))
        return new

    def _body(self) -> dict[str, Any]:
        text = files.read(self.path)
        if text is None:
            return {"users": {}}
        try:
            body = json.loads(text)
            _to_bytes(body)  # refuses lone surrogates, which could not be written again
        except (ValueError, RecursionError):
            raise _corrupt(self.path) from None
        # One without `users` is of another shape: nobody would be found in it.
        if not isinstance(body, dict) or (body and "users" not in body):
            raise _corrupt(self.path)
        return body


def _to_bytes(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=2).encode() + b"\n"


def _put(body: dict[str, Any], user: str, label: str, new: Subscription) -> None:
    accounts = body.setdefault("users", {}).setdefault(user, {}).setdefault("accounts", {})
    accounts.setdefault(label, {}).update(limitHit=new.limit_hit, reset=new.reset)


def _from_json(body: dict[str, Any], path: Path) -> Subscriptions:
    try:
        return Subscriptions(
            {
                user: {
                    label: Subscription(entry.get("limitHit") is True, entry.get("reset") is True)
                    for label, entry in settings.get("accounts", {}).items()
                }
                for user, settings in body.get("users", {}).items()
            }
        )
    except AttributeError:
        raise _corrupt(path) from None


def _corrupt(path: Path) -> SubscriptionsCorruptError:
    return SubscriptionsCorruptError(
        f"{path} is not understood, so it is left as it is and nobody can be told:"
        " fix it, or move it away to start afresh"
    )
