"""The results of the last pass, from `GET /api/usage`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from cldmon.domain import json_types
from cldmon.domain.forecast import Forecast
from cldmon.domain.model import Snapshot, Window
from cldmon.domain.snapshot import account_from_json
from cldmon.remote.client import NOT_OURS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cldmon.domain.freshness import Forecasts
    from cldmon.remote.client import Client

_LONGEST_INTERVAL = timedelta(days=365)


class ServerUsage(NamedTuple):
    """What a server reports: the configured accounts, the snapshot, and the forecasts."""

    labels: tuple[str, ...]
    snapshot: Snapshot
    forecasts: Forecasts


def read_usage(client: Client) -> ServerUsage:
    """Return what a server reports; raises ServerError."""
    body = client.get_json("api/usage")
    try:
        return parse_usage(body)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        raise client.refusal(NOT_OURS) from None


def parse_usage(body: Mapping[str, Any]) -> ServerUsage:
    """Return what is in the answer of a cldmon of this version.

    Raises KeyError, TypeError, ValueError, AttributeError or OverflowError for anything else.
    """
    if "summary" not in body:  # before its first pass, the Node program's differs only in this
        raise ValueError("not ours")
    interval = timedelta(milliseconds=json_types.check_int(body["refreshIntervalMs"]))
    if not timedelta() < interval <= _LONGEST_INTERVAL:
        raise ValueError("not an interval")
    snapshot = Snapshot(
        json_types.optional(json_types.parse_instant, body["fetchedAt"]),
        tuple(account_from_json(entry, _parse_windows) for entry in body["accounts"]),
        interval,
        json_types.check_bool(body["slackEnabled"]),
    )
    # Before the first pass there are no accounts, but everyone has settings for each.
    labels = tuple(map(json_types.check_text, body["alertSubscriptions"]))
    return ServerUsage(labels, snapshot, dict(_parse_forecasts(body["accounts"])))


def _parse_windows(reading: Mapping[str, Any]) -> dict[str, Window]:
    # Not those by name: the Node program's page needs some that the account does not have.
    return {
        json_types.check_text(window["name"]): json_types.from_json(Window, window)
        for window in reading["windows"]
    }


def _parse_forecasts(accounts: list[Any]) -> Iterator[tuple[tuple[str, str], Forecast]]:
    for entry in accounts:
        for window in entry["windows"]:
            if forecast := window["forecast"]:
                found = json_types.from_json(Forecast, forecast)
                yield (entry["label"], window["name"]), found
