"""Confirmations of changed alert settings, sent in the background."""

from __future__ import annotations

import logging
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from cldmon.domain.instants import format_iso
from cldmon.notifications.subscriptions import send_confirmation
from cldmon.threads import start_or_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from cldmon.notifications.subscriptions import Messenger

_log = logging.getLogger(__name__)


class Confirmations:
    """Sends confirmations in the background, and remembers how the last of each person ended.

    Changes in quick succession are confirmed by one message for each account. Threads may share it.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = Lock()
        self._pending: dict[str, dict[str | None, str]] = {}
        self._last: dict[str, dict[str, Any]] = {}

    def start(self, user: str, label: str | None, text: str, messenger: Messenger) -> None:
        """Send `text` soon, instead of one that has not been sent yet."""
        with self._lock:
            is_running = user in self._pending
            self._pending.setdefault(user, {})[label] = text
        if not is_running:
            start_or_run(partial(self._send_all, user, messenger))

    def last(self, user: str) -> Mapping[str, Any] | None:
        """Return how the last confirmation to a person ended: `label`, `ok`, `error`, `at`."""
        return self._last.get(user)

    def _send_all(self, user: str, messenger: Messenger) -> None:
        while True:
            with self._lock:
                if not self._pending[user]:
                    del self._pending[user]
                    return
                label, text = self._pending[user].popitem()
            try:
                error = send_confirmation(messenger, user, text)
            except Exception as unexpected:
                error = f"the confirmation message failed: unexpected {type(unexpected).__name__}"
            if error:
                _log.warning("%s", error)
            self._last[user] = {
                "label": label,
                "ok": error is None,
                "error": error,
                "at": format_iso(self._now()),
            }
