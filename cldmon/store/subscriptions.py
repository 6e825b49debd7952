"""subscriptions.json: who wants to hear of what. Compatible with the Node program's file.

A file that is not understood is reported and left alone.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.domain.instants import format_optional, from_iso
from cldmon.domain.subscriptions import (
    QuietHours,
    Subscription,
    Subscriptions,
    parse_quiet,
    parse_thresholds,
)
from cldmon.errors import SubscriptionsCorruptError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

MAX_PROBLEMS = 10
"""Invalid values of a file that are described one by one."""


class SubscriptionsFile:
    """subscriptions.json in a data_dir; changed under a lock, by `subscribe` and `serve` alike.

    `patience` is how many seconds a change may wait for the lock. Each change keeps every key of
    the file that it does not concern. Methods that change it raise as `load` does, and BusyError
    where others hold the lock for too long.
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
        return _from_json(self._read_body(), self.path)

    def change(
        self, user: str, label: str, change: Callable[[Subscription], Subscription]
    ) -> Subscription:
        """Change one user's settings for one account, and return what they are now."""
        with self._editing() as body:
            new = change(_from_json(body, self.path).of(user, label))
            accounts = _find_settings(body, user)["accounts"]
            _fill(accounts.setdefault(label, {}), new)
        return new

    def set_quiet(self, user: str, quiet: QuietHours | None) -> None:
        """Set a user's quiet hours; None for none."""
        with self._editing() as body:
            _put(_find_settings(body, user), "quiet", quiet and quiet_to_json(quiet))

    def pause(self, user: str, until: datetime | None) -> None:
        """Hold a user's alerts until an instant (UTC); None for no longer."""
        with self._editing() as body:
            _put(_find_settings(body, user), "pausedUntil", format_optional(until))

    def remove(self, user: str, label: str | None = None) -> bool:
        """Remove a user's settings, for one account or all; return whether there were any."""
        with self._editing() as body:
            users = body.get("users", {})
            if label is None:
                return users.pop(user, None) is not None
            return users.get(user, {}).get("accounts", {}).pop(label, None) is not None

    @contextmanager
    def _editing(self) -> Iterator[dict[str, Any]]:
        """Hand out the file's body under the lock, and replace the file with it."""
        files.create_private_dir(self.path.parent)
        with files.lock(self._lock, wait=self._patience):
            body = self._read_body()
            _from_json(body, self.path)  # raises for a file that is not understood
            yield body
            files.replace(self.path, _to_bytes(body))

    def _read_body(self) -> dict[str, Any]:
        text = files.read(self.path)
        if text is None:
            return {"users": {}}
        try:
            body = json.loads(text)
            _to_bytes(body)  # refuses lone surrogates, which could not be written again
        except (ValueError, RecursionError):
            raise _build_corrupt_error(self.path) from None
        # One without `users` is of another shape: nobody would be found in it.
        if not isinstance(body, dict) or (body and "users" not in body):
            raise _build_corrupt_error(self.path)
        return body


def _to_bytes(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=2).encode() + b"\n"


def _find_settings(body: dict[str, Any], user: str) -> dict[str, Any]:
    settings: dict[str, Any] = body.setdefault("users", {}).setdefault(user, {})
    settings.setdefault("accounts", {})  # where the Node program expects them
    return settings


def _put(entry: dict[str, Any], key: str, value: object) -> None:
    """Set a key, or leave it out where the value is the default."""
    if value:
        entry[key] = value
    else:
        entry.pop(key, None)


def _fill(entry: dict[str, Any], subscription: Subscription) -> None:
    """Write a subscription into its entry, and keep the entry's other keys."""
    entry.update(limitHit=subscription.limit_hit, reset=subscription.reset)
    _put(entry, "thresholds", list(subscription.thresholds))
    _put(entry, "runOut", subscription.run_out)
    _put(entry, "changes", subscription.changes)
    _put(entry, "windows", subscription.windows and list(subscription.windows))


def to_json(subscription: Subscription) -> dict[str, Any]:
    """Return a subscription as the API and `--json` show it: optional keys only if they are set."""
    entry: dict[str, Any] = {}
    _fill(entry, subscription)
    return entry


def quiet_to_json(quiet: QuietHours) -> dict[str, Any]:
    """Return quiet hours as JSON; without a timezone that of the Slack profile counts."""
    body = {"from": f"{quiet.start:%H:%M}", "to": f"{quiet.end:%H:%M}", "timezone": quiet.timezone}
    return {key: value for key, value in body.items() if value is not None}


def quiet_from_json(body: object) -> QuietHours:
    """Return quiet hours from JSON; raises ValueError for anything else."""
    if not isinstance(body, dict):
        raise ValueError('expected an object with "from" and "to"')  # noqa: TRY004 - one except clause
    return parse_quiet(body.get("from"), body.get("to"), body.get("timezone"))


def _from_json(body: dict[str, Any], path: Path) -> Subscriptions:
    problems: list[str] = []
    users, quiet, paused = {}, {}, {}
    user = None
    try:
        for user, settings in body.get("users", {}).items():
            users[user] = {
                label: _parse_subscription(entry, f"{user}, {label}", problems)
                for label, entry in settings.get("accounts", {}).items()
            }
            if (found := settings.get("quiet")) is not None:
                try:
                    quiet[user] = quiet_from_json(found)
                except ValueError as error:
                    problems.append(f"{user}: quiet is ignored: {error}")
            if (text := settings.get("pausedUntil")) is not None:
                if until := from_iso(text):
                    paused[user] = until
                else:
                    expected = "expected a time such as 2026-03-12T02:54:43Z"
                    problems.append(f"{user}: pausedUntil is ignored: {expected}")
    except AttributeError:
        raise _build_corrupt_error(path, user) from None
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [f"ignored as well: {len(problems) - MAX_PROBLEMS} more"]
    return Subscriptions(users, quiet, paused, tuple(problems))


def _parse_subscription(entry: dict[str, Any], place: str, problems: list[str]) -> Subscription:
    """Return one subscription; values that are not understood are ignored, and named."""
    problems += [
        f"{place}: {key} is ignored: expected true or false"
        for key in ("limitHit", "reset", "runOut", "changes")
        if not isinstance(entry.get(key), bool | None)
    ]
    thresholds, windows = entry.get("thresholds"), entry.get("windows")
    try:
        chosen = parse_thresholds(thresholds) if thresholds is not None else ()
    except ValueError as error:
        problems.append(f"{place}: thresholds are ignored: {error}")
        chosen = ()
    if windows is not None and not _is_list_of_names(windows):
        problems.append(f"{place}: windows are ignored: expected a list of window names")
        windows = None
    return Subscription(
        limit_hit=entry.get("limitHit") is True,
        reset=entry.get("reset") is True,
        thresholds=chosen,
        run_out=entry.get("runOut") is True,
        changes=entry.get("changes") is True,
        windows=tuple(windows) if windows is not None else None,
    )


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _build_corrupt_error(path: Path, user: str | None = None) -> SubscriptionsCorruptError:
    where = f" at {user}" if user else ""
    return SubscriptionsCorruptError(
        f"{path} is not understood{where}, so it is left as it is and nobody gets alerts:"
        " fix it, or move it away to start afresh"
    )
