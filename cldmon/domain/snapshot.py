"""The snapshot as JSON in state.json. For what is shown of it, see `cldmon.domain.freshness`.

Instants are ISO 8601 in UTC with milliseconds, utilization is in percent as displayed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cldmon.domain import json_types
from cldmon.domain.instants import format_iso, format_optional
from cldmon.domain.model import (
    BROWSER,
    REPORT,
    Account,
    Credits,
    Failure,
    FailureKind,
    Pool,
    Reading,
    SavedResets,
    Snapshot,
    Window,
)
from cldmon.domain.windows import flatten, is_window_name, nest, title

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    ParseWindows = Callable[[Mapping[str, Any]], Mapping[str, Window]]


def to_json(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as it is stored in state.json."""
    return {
        "fetchedAt": format_optional(snapshot.fetched_at),
        "accounts": [account_to_json(account) for account in snapshot.accounts],
        "refreshIntervalMs": snapshot.interval // timedelta(milliseconds=1),
        "slackEnabled": snapshot.slack_enabled,
    }


def from_json(body: Mapping[str, Any]) -> Snapshot:
    """Return the snapshot that `to_json` wrote.

    Raises KeyError, TypeError, ValueError, AttributeError or OverflowError for anything else.
    """
    return Snapshot(
        fetched_at=json_types.optional(json_types.parse_instant, body["fetchedAt"]),
        accounts=tuple(map(account_from_json, body["accounts"])),
        interval=timedelta(milliseconds=json_types.check_int(body["refreshIntervalMs"])),
        slack_enabled=json_types.check_bool(body["slackEnabled"]),
    )


def account_to_json(account: Account) -> dict[str, Any]:
    """Return one account: its reading, or its error and the last good reading."""
    body = {"label": account.label, "reportsOnly": account.reports_only}
    reading = _reading_to_json(account.reading) if account.reading else None
    if reading and account.failure is None:
        return {**body, "status": "ok", **reading}
    return {**body, **failure_to_json(account.failure), "lastGood": reading}


def failure_to_json(failure: Failure | None) -> dict[str, Any]:
    """Return why there is no new reading; None means that no pass has tried yet."""
    return {
        "status": "error",
        "error": failure.message if failure else "not read yet",
        "errorKind": failure.kind.value if failure else None,
        "retryAt": format_optional(failure.retry_at) if failure else None,
        "attempts": failure.attempts if failure else 0,
    }


def windows_from_json(entry: Mapping[str, Any]) -> dict[str, Window]:
    """Return the windows of an account's JSON; one without a utilization is left out."""
    return {
        json_types.check_text(name): json_types.from_json(Window, value)
        for name, value in flatten(entry).items()
        if value["utilization"] is not None
    }


def account_from_json(
    entry: Mapping[str, Any], parse_windows: ParseWindows = windows_from_json
) -> Account:
    """Return the account that `account_to_json` wrote.

    `parse_windows` returns the windows of a reading, which the API writes in another way.
    """
    label = json_types.check_text(entry["label"])
    # The API says only what an account without a reading waits for.
    awaits_report = entry["status"] != "ok" and entry.get("source") == REPORT
    reports_only = json_types.check_bool(entry.get("reportsOnly", awaits_report))
    if entry["status"] == "ok":
        return Account(label, _reading_from_json(entry, parse_windows), reports_only=reports_only)
    last_good, failure = entry["lastGood"], None
    if entry["errorKind"]:
        failure = Failure(
            FailureKind(entry["errorKind"]),
            json_types.check_text(entry["error"]),
            json_types.optional(json_types.parse_instant, entry["retryAt"]),
            json_types.check_int(entry.get("attempts", 1)),
        )
    reading = _reading_from_json(last_good, parse_windows) if last_good else None
    return Account(label, reading, failure, reports_only)


def windows_to_json(windows: Mapping[str, Window]) -> dict[str, Any]:
    """Return windows as `{"fiveHour": {"utilization", "resetsAt"}, …}`."""
    # Written out, since the state is saved after each delivery and consists mostly of windows.
    return nest(
        {
            name: {"utilization": window.utilization, "resetsAt": format_optional(window.resets_at)}
            for name, window in windows.items()
        }
    )


def _reading_to_json(reading: Reading) -> dict[str, Any]:
    return {
        **windows_to_json(reading.windows),
        "plan": reading.plan,
        "organization": reading.organization,
        "fetchedAt": format_iso(reading.taken_at),
        "credits": json_types.to_json(reading.credits),
        "pools": json_types.to_json(reading.pools),
        "savedResets": json_types.to_json(reading.saved_resets),
        "ignored": reading.ignored,
        "source": reading.source,
    }


def _reading_from_json(entry: Mapping[str, Any], parse_windows: ParseWindows) -> Reading:
    windows = parse_windows(entry)
    if is_old := "credits" not in entry:
        # An older cldmon took credit pools for windows.
        pools = tuple(
            Pool(name, title(name), None, None, window.utilization, window.resets_at)
            for name, window in windows.items()
            if not is_window_name(name)
        )
        windows = {name: window for name, window in windows.items() if is_window_name(name)}
    else:
        pools = tuple(json_types.from_json(Pool, pool) for pool in entry["pools"])
    saved = entry.get("savedResets")
    money = entry["extraUsage" if is_old else "credits"]
    return Reading(
        taken_at=json_types.parse_instant(entry["fetchedAt"]),
        windows=windows,
        plan=json_types.optional(json_types.check_text, entry["plan"]),
        organization=json_types.optional(json_types.check_text, entry["organization"]),
        credits=json_types.from_json(Credits, money) if money else None,
        pools=pools,
        saved_resets=json_types.from_json(SavedResets, saved) if saved else None,
        ignored=json_types.check_int(entry["ignored"]),
        source=json_types.check_text(entry.get("source", BROWSER)),
    )
