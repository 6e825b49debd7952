"""`GET /api/usage`: what the last pass left, as each caller may see it."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cldmon.domain.freshness import configured, to_json
from cldmon.domain.subscriptions import Subscriptions
from cldmon.errors import StoreError
from cldmon.forecasts import compute_forecasts
from cldmon.store.state import StateFile
from cldmon.store.subscriptions import SubscriptionsFile
from cldmon.web.file_cache import FileCache
from cldmon.web.http import Document, encode_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.freshness import Forecasts
    from cldmon.domain.model import Snapshot
    from cldmon.store.state import State
    from cldmon.web.auth import Caller
    from cldmon.web.file_cache import Mark
    from cldmon.web.services import ServerSettings

FORECAST_SECONDS = 300
"""A forecast moves slowly, so it is made so rarely; a new pass makes a new one at once."""

_MAX_DOCUMENTS = 100


class Usage:
    """Makes the answers, each once for everybody who asks alike within a second.

    What can be said of a reading changes as it ages. Threads may share it. `compute_forecasts` is
    `cldmon.forecasts.compute_forecasts`.
    """

    def __init__(
        self,
        data_dir: Path,
        compute_forecasts: Callable[[Path, Snapshot, datetime], Forecasts] = compute_forecasts,
    ) -> None:
        state, subscriptions = StateFile(data_dir), SubscriptionsFile(data_dir)
        self._data_dir = data_dir
        self._compute_forecasts = compute_forecasts
        self._lock = threading.Lock()
        self._state = FileCache(state.path, state.load)
        self._subscriptions = FileCache(subscriptions.path, lambda: _load(subscriptions))
        self._documents: dict[object, Document] = {}
        self._forecasts: tuple[object, Forecasts] | None = None

    def snapshot(self, settings: ServerSettings) -> Snapshot:
        """Return what the last pass left of the configured accounts; raises StoreError."""
        stored = self._state.value().snapshot
        known = replace(
            stored, interval=settings.interval, slack_enabled=settings.slack is not None
        )
        return configured(known, settings.labels)

    def state(self, settings: ServerSettings) -> State:
        """Return all that the last pass left, its snapshot as above; raises StoreError."""
        return replace(self._state.value(), snapshot=self.snapshot(settings))

    def document(self, caller: Caller, settings: ServerSettings, now: datetime) -> Document:
        """Return the answer to one caller; raises StoreError."""
        state, _ = self._state.marked_value()
        changed, subscriptions = self._subscriptions.marked_value()
        # All guests are shown the same.
        who = (caller.has_token, caller.user, caller.name)
        key = (int(now.timestamp()), state, changed, settings, who)
        with self._lock:  # every page asks as soon as a pass is due: one of them makes the answer
            if key not in self._documents:
                if len(self._documents) >= _MAX_DOCUMENTS:
                    self._documents.clear()
                snapshot = self.snapshot(settings)
                shown = to_json(snapshot, now, self._forecasts_of(snapshot, state, settings, now))
                self._documents[key] = _document(shown, caller, settings, subscriptions)
            return self._documents[key]

    def _forecasts_of(
        self, snapshot: Snapshot, state: Mark, settings: ServerSettings, now: datetime
    ) -> Forecasts:
        """Return the forecasts; none where the history cannot be read: usage is shown then, too."""
        key = (state, settings, now.timestamp() // FORECAST_SECONDS)
        if self._forecasts is None or self._forecasts[0] != key:
            try:
                self._forecasts = key, self._compute_forecasts(self._data_dir, snapshot, now)
            except StoreError:
                self._forecasts = key, {}
        return self._forecasts[1]


def _document(
    common: Mapping[str, Any],
    caller: Caller,
    settings: ServerSettings,
    subscriptions: Subscriptions | None,
) -> Document:
    known = subscriptions or Subscriptions()
    more: dict[str, Any] = {"session": caller.to_json(settings), "alertSubscriptions": {}}
    for label in settings.labels:
        mine = known.of(caller.user, label)
        more["alertSubscriptions"][label] = {"limitHit": mine.limit_hit, "reset": mine.reset}
    if subscriptions is None:
        more["subscriptionsError"] = "subscriptions.json cannot be read"
    # Ages grow all the time, and follow from the other values: they are no news.
    ageless = [{**entry, "ageSeconds": None} for entry in common["accounts"]]
    news = encode_json({**common, **more, "accounts": ageless})
    return Document(encode_json({**common, **more}), etag_source=news)


def _load(file: SubscriptionsFile) -> Subscriptions | None:
    """Return everybody's subscriptions; None for a damaged file: usage is shown all the same."""
    try:
        return file.load()
    except StoreError:
        return None
