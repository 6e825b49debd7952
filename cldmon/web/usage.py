"""`GET /api/usage`: what the last pass left, as each caller may see it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cldmon.domain.freshness import configured, to_json
from cldmon.domain.model import Subscriptions
from cldmon.errors import StoreError
from cldmon.forecasts import forecasts
from cldmon.store.state import StateFile
from cldmon.store.subscriptions import SubscriptionsFile
from cldmon.web.message import Document, encoded
from cldmon.web.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.freshness import Forecasts
    from cldmon.domain.model import Snapshot
    from cldmon.store.state import State
    from cldmon.web.caller import Caller
    from cldmon.web.services import Site
    from cldmon.web.watched import Mark

FORECAST_SECONDS = 300
"""A forecast moves slowly, so it is made so rarely; a new pass makes a new one at once."""

_MAX_DOCUMENTS = 100


class Usage:
    """Makes the answers, each once for everybody who asks alike within a second.

    What can be said of a reading changes as it ages. Threads may share it. `compute_forecasts` is
    `cldmon.forecasts.forecasts`; `clock` is that of `Watched`.
    """

    def __init__(
        self,
        data_dir: Path,
        compute_forecasts: Callable[[Path, Snapshot, datetime], Forecasts] = forecasts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        state, subscriptions = StateFile(data_dir), SubscriptionsFile(data_dir)
        self._data_dir = data_dir
        self._compute_forecasts = compute_forecasts
        self._lock = threading.Lock()
        self._state = Watched(state.path, state.load, clock)
        self._subscriptions = Watched(subscriptions.path, lambda: _load(subscriptions), clock)
        self._documents: dict[object, Document] = {}
        self._forecasts: tuple[object, Forecasts] | None = None

    def snapshot(self, site: Site) -> Snapshot:
        """Return what the last pass left of the configured accounts; raises StoreError."""
        stored = self._state.value().snapshot
        known = replace(stored, interval=site.interval, slack_enabled=site.slack is not None)
        return configured(known, site.labels)

    def state(self, site: Site) -> State:
        """Return all that the last pass left, its snapshot as above; raises StoreError."""
        return replace(self._state.value(), snapshot=self.snapshot(site))

    def subscriptions_changed(self) -> None:
        """Note that the server itself has changed somebody's subscriptions."""
        self._subscriptions.changed()

    def document(self, caller: Caller, site: Site, now: datetime) -> Document:
        """Return the answer to one caller; raises StoreError."""
        state, _ = self._state.marked()
        changed, subscriptions = self._subscriptions.marked()
        # All guests are shown the same.
        who = (caller.has_token, caller.user, caller.name)
        key = (int(now.timestamp()), state, changed, site, who)
        with self._lock:  # every page asks as soon as a pass is due: one of them makes the answer
            if key not in self._documents:
                if len(self._documents) >= _MAX_DOCUMENTS:
                    self._documents.clear()
                snapshot = self.snapshot(site)
                shown = to_json(snapshot, now, self._forecasts_of(snapshot, state, site, now))
                self._documents[key] = _document(shown, caller, site, subscriptions)
            return self._documents[key]

    def _forecasts_of(
        self, snapshot: Snapshot, state: Mark, site: Site, now: datetime
    ) -> Forecasts:
        """Return the forecasts; none where the history cannot be read: usage is shown then, too."""
        key = (state, site, now.timestamp() // FORECAST_SECONDS)
        if self._forecasts is None or self._forecasts[0] != key:
            try:
                self._forecasts = key, self._compute_forecasts(self._data_dir, snapshot, now)
            except StoreError:
                self._forecasts = key, {}
        return self._forecasts[1]


def _document(
    common: Mapping[str, Any], caller: Caller, site: Site, subscriptions: Subscriptions | None
) -> Document:
    known = subscriptions or Subscriptions()
    more: dict[str, Any] = {"session": caller.document(site), "alertSubscriptions": {}}
    for label in site.labels:
        mine = known.of(caller.user, label)
        more["alertSubscriptions"][label] = {"limitHit": mine.limit_hit, "reset": mine.reset}
    if subscriptions is None:
        more["subscriptionsError"] = "subscriptions.json cannot be read"
    # Ages grow all the time, and follow from the other values: they are no news.
    ageless = [{**entry, "ageSeconds": None} for entry in common["accounts"]]
    news = encoded({**common, **more, "accounts": ageless})
    return Document(encoded({**common, **more}), told=news)


def _load(file: SubscriptionsFile) -> Subscriptions | None:
    """Return everybody's subscriptions; None for a damaged file: usage is shown all the same."""
    try:
        return file.load()
    except StoreError:
        return None
