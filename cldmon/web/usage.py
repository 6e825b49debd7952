"""`GET /api/usage`: the results of the last pass, as each caller may see them."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cldmon.domain.freshness import select_accounts
from cldmon.domain.subscriptions import Subscriptions
from cldmon.domain.usage import usage_to_json
from cldmon.errors import StoreError
from cldmon.files import FileCache
from cldmon.forecasts import compute_forecasts
from cldmon.store.state import StateFile
from cldmon.store.subscriptions import SubscriptionsFile, quiet_to_json
from cldmon.store.subscriptions import to_json as subscription_to_json
from cldmon.web.http import Document, encode_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.freshness import Forecasts
    from cldmon.domain.model import Snapshot
    from cldmon.store.state import State
    from cldmon.web.auth import Caller
    from cldmon.web.settings import ServerSettings

FORECAST_SECONDS = 300
"""Forecasts change slowly: they are computed this often, and after each pass."""


class Usage:
    """Builds the responses, at most one a second for each kind of caller. Threads may share it."""

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
        self._subscriptions = FileCache(subscriptions.path, subscriptions.load)
        self._moment: object = None
        self._documents: dict[object, Document] = {}
        self._forecasts: tuple[object, Forecasts] | None = None

    def state(self, settings: ServerSettings) -> State:
        """Return the state that the last pass saved, limited to the configured accounts.

        Raises StoreError.
        """
        state = self._state.value()
        known = replace(
            state.snapshot, interval=settings.interval, slack_enabled=settings.slack is not None
        )
        return replace(state, snapshot=select_accounts(known, settings.labels))

    def document(
        self,
        caller: Caller,
        settings: ServerSettings,
        now: datetime,
        confirmation: Mapping[str, Any] | None = None,
    ) -> Document:
        """Return the response for one caller; raises StoreError.

        `confirmation` is the result of the last confirmation sent to them. Every open page sends a
        request as soon as a pass is due, so responses and forecasts are computed under a lock.
        """
        state = self._state.value()
        try:
            subscriptions = self._subscriptions.value()
        except StoreError:
            subscriptions = None  # the response says so
        moment = int(now.timestamp()), state, subscriptions, settings
        # All guests are shown the same.
        confirmed_at = confirmation and confirmation["at"]
        key = caller.has_token, caller.user, caller.name, confirmed_at
        with self._lock:
            if self._moment != moment:
                self._moment, self._documents = moment, {}
            if key not in self._documents:
                forecasts = self._load_forecasts(state, settings, now)
                usage = usage_to_json(self.state(settings).snapshot, now, forecasts)
                usage["lastConfirmation"] = confirmation
                self._documents[key] = _build(usage, caller, settings, subscriptions)
            return self._documents[key]

    def _load_forecasts(self, state: State, settings: ServerSettings, now: datetime) -> Forecasts:
        """Return the forecasts; none if the history can't be read: usage is shown anyway."""
        key = state, settings, now.timestamp() // FORECAST_SECONDS
        if self._forecasts is None or self._forecasts[0] != key:
            try:
                found = self._compute_forecasts(self._data_dir, self.state(settings).snapshot, now)
            except StoreError:
                found = {}
            self._forecasts = key, found
        return self._forecasts[1]


def _build(
    usage: dict[str, Any],
    caller: Caller,
    settings: ServerSettings,
    subscriptions: Subscriptions | None,
) -> Document:
    body = {**usage, "session": caller.to_json(settings), "alertSubscriptions": {}}
    for label in settings.labels:
        mine = (subscriptions or Subscriptions()).of(caller.user, label)
        body["alertSubscriptions"][label] = subscription_to_json(mine)
    quiet = (subscriptions or Subscriptions()).quiet.get(caller.user)
    body["alertQuiet"] = quiet and quiet_to_json(quiet)
    if subscriptions is None:
        body["subscriptionsError"] = "subscriptions.json cannot be read"
    # Ages follow from other values, and would change the ETag every second.
    ageless = [{**account, "ageSeconds": None} for account in body["accounts"]]
    return Document(encode_json(body), etag_source=encode_json({**body, "accounts": ageless}))
