"""`GET /api/usage`, made once for everybody who asks within a second."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from cldmon.domain.freshness import configured, to_json
from cldmon.domain.model import Subscriptions
from cldmon.errors import StoreError, SubscriptionsCorruptError
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

    Stamp: TypeAlias = tuple[int, Mark, Mark, Site]
    """What an answer depends on beside who asks: the second, the two files, the configuration."""

FORECAST_SECONDS = 300
"""A forecast moves slowly, so it is made so rarely; a new pass makes a new one at once."""

_MOST_CALLERS = 100


@dataclass(frozen=True)
class _Moment:
    """The answers of one moment, by who asked."""

    stamp: Stamp
    common: dict[str, Any]
    documents: dict[tuple[bool, str, str], Document] = field(default_factory=dict)


class Usage:
    """What the last pass left, as each caller may see it. Threads may share it.

    What may honestly be said of a reading changes as it ages, so an answer is used again for the
    same second only. `foresee` makes the forecasts: see `cldmon.forecasts.forecasts`; `clock` is
    that of `Watched`.
    """

    def __init__(
        self,
        data_dir: Path,
        foresee: Callable[[Path, Snapshot, datetime], Forecasts] = forecasts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        state, subscriptions = StateFile(data_dir), SubscriptionsFile(data_dir)
        self._data_dir = data_dir
        self._foresee = foresee
        self._making = threading.Lock()
        self._state = Watched(state.path, state.load, clock)
        self._subscriptions = Watched(subscriptions.path, lambda: _wishes(subscriptions), clock)
        self._moment: _Moment | None = None
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
        changed, wishes = self._subscriptions.marked()
        stamp = (int(now.timestamp()), state, changed, site)
        moment = self._moment_of(stamp, now)
        # All guests are shown the same.
        who = (caller.has_token, caller.user, caller.name)
        document = moment.documents.get(who)
        if document is None:
            if len(moment.documents) >= _MOST_CALLERS:
                moment.documents.clear()
            document = moment.documents[who] = _document(moment.common, caller, site, wishes)
        return document

    def _moment_of(self, stamp: Stamp, now: datetime) -> _Moment:
        """Return the answers of a moment; who asks together for them has them made once."""
        moment = self._moment
        if moment is None or moment.stamp != stamp:
            with self._making:  # every page asks as soon as a pass is due
                moment = self._moment
                if moment is None or moment.stamp != stamp:
                    _, state, _, site = stamp
                    moment = self._moment = _Moment(stamp, self._common(site, state, now))
        return moment

    def _common(self, site: Site, state: Mark, now: datetime) -> dict[str, Any]:
        snapshot = self.snapshot(site)
        key = (state, site, now.timestamp() // FORECAST_SECONDS)
        if self._forecasts is None or self._forecasts[0] != key:
            self._forecasts = (key, self._foreseen(snapshot, now))
        return to_json(snapshot, now, self._forecasts[1])

    def _foreseen(self, snapshot: Snapshot, now: datetime) -> Forecasts:
        """Return the forecasts; none where the history cannot be read: usage is shown then, too."""
        try:
            return self._foresee(self._data_dir, snapshot, now)
        except StoreError:
            return {}


def _document(
    common: Mapping[str, Any], caller: Caller, site: Site, wishes: Subscriptions | None
) -> Document:
    known = wishes or Subscriptions()
    more: dict[str, Any] = {"session": caller.document(site), "alertSubscriptions": {}}
    for label in site.labels:
        wish = known.of(caller.user, label)
        more["alertSubscriptions"][label] = {"limitHit": wish.limit_hit, "reset": wish.reset}
    if wishes is None:
        more["subscriptionsError"] = "subscriptions.json is not understood"
    # Ages grow all the time, and follow from the other values: they are no news.
    ageless = [{**entry, "ageSeconds": None} for entry in common["accounts"]]
    news = encoded({**common, **more, "accounts": ageless})
    return Document(encoded({**common, **more}), told=news)


def _wishes(file: SubscriptionsFile) -> Subscriptions | None:
    """Return everybody's subscriptions; None for a damaged file: usage is shown all the same."""
    try:
        return file.load()
    except SubscriptionsCorruptError:
        return None
