"""The snapshot as JSON: what `GET /api/usage` and `status --json` show and state.json keeps.

Instants are ISO 8601 in UTC with milliseconds, utilization is in percent as displayed.
Source: contract, "HTTP".
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cldmon.domain import checked
from cldmon.domain.model import (
    FIVE_HOUR,
    SEVEN_DAY,
    Account,
    ExtraUsage,
    Failure,
    FailureKind,
    Reading,
    Snapshot,
    Window,
    iso,
    iso_or_none,
)
from cldmon.domain.names import flatten, nest

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_WINDOW = {"utilization": None, "resetsAt": None}


def to_json(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot in the form of `GET /api/usage`, without session and subscriptions."""
    body: dict[str, Any] = {
        "fetchedAt": iso_or_none(snapshot.fetched_at),
        "accounts": [account_to_json(account) for account in snapshot.accounts],
        "refreshIntervalMs": snapshot.interval // timedelta(milliseconds=1),
        "slackEnabled": snapshot.slack_enabled,
    }
    return body if snapshot.fetched_at else {**body, "loading": True}


def from_json(body: Mapping[str, Any]) -> Snapshot:
    """Return the snapshot that `to_json` wrote.

    Raises KeyError, TypeError, ValueError, AttributeError or OverflowError for anything else.
    """
    return Snapshot(
        fetched_at=checked.optional(checked.instant, body["fetchedAt"]),
        accounts=tuple(map(account_from_json, body["accounts"])),
        interval=timedelta(milliseconds=checked.whole(body["refreshIntervalMs"])),
        slack_enabled=checked.flag(body["slackEnabled"]),
    )


def account_to_json(account: Account) -> dict[str, Any]:
    """Return one account: its windows, or its error with the last good reading beside it."""
    if account.failure is None and account.reading is not None:
        return {"label": account.label, "status": "ok", **_reading_to_json(account.reading)}
    failure = account.failure
    return {
        "label": account.label,
        "status": "error",
        "error": failure.message if failure else "not read yet",
        "errorKind": failure.kind.value if failure else None,
        "retryAt": iso_or_none(failure.retry_at) if failure else None,
        "lastGood": _reading_to_json(account.reading) if account.reading else None,
    }


def account_from_json(entry: Mapping[str, Any]) -> Account:
    """Return the account that `account_to_json` wrote."""
    label = checked.text(entry["label"])
    if entry["status"] == "ok":
        return Account(label, _reading_from_json(entry))
    last_good = entry["lastGood"]
    return Account(
        label,
        _reading_from_json(last_good) if last_good else None,
        _failure_from_json(entry) if entry["errorKind"] else None,
    )


def windows_to_json(windows: Mapping[str, Window]) -> dict[str, Any]:
    """Return windows as `{"fiveHour": {"utilization", "resetsAt"}, …}`."""
    return nest({name: _window_to_json(window) for name, window in windows.items()})


def windows_from_json(entry: Mapping[str, Any]) -> dict[str, Window]:
    """Return the windows of an account's JSON; one without a utilization is left out."""
    return {
        checked.text(name): _window_from_json(value)
        for name, value in flatten(entry).items()
        if value["utilization"] is not None
    }


def _window_to_json(window: Window) -> dict[str, Any]:
    return {"utilization": window.utilization, "resetsAt": iso_or_none(window.resets_at)}


def _window_from_json(entry: Mapping[str, Any]) -> Window:
    return Window(
        checked.percent(entry["utilization"]), checked.optional(checked.instant, entry["resetsAt"])
    )


def _reading_to_json(reading: Reading) -> dict[str, Any]:
    # The two documented windows are always there: pages read them without asking.
    documented = {FIVE_HOUR: _NO_WINDOW, SEVEN_DAY: _NO_WINDOW}
    return {
        **documented,
        **windows_to_json(reading.windows),
        "plan": reading.plan,
        "organization": reading.organization,
        "fetchedAt": iso(reading.taken_at),
        "extraUsage": _extra_to_json(reading.extra_usage) if reading.extra_usage else None,
        "ignored": reading.ignored,
    }


def _reading_from_json(entry: Mapping[str, Any]) -> Reading:
    extra = entry["extraUsage"]
    return Reading(
        taken_at=checked.instant(entry["fetchedAt"]),
        windows=windows_from_json(entry),
        plan=checked.optional(checked.text, entry["plan"]),
        organization=checked.optional(checked.text, entry["organization"]),
        extra_usage=_extra_from_json(extra) if extra else None,
        ignored=checked.whole(entry["ignored"]),
    )


def _extra_to_json(extra: ExtraUsage) -> dict[str, Any]:
    return {
        "used": extra.used,
        "limit": extra.limit,
        "currency": extra.currency,
        "exponent": extra.exponent,
    }


def _extra_from_json(entry: Mapping[str, Any]) -> ExtraUsage:
    return ExtraUsage(
        used=checked.whole(entry["used"]),
        limit=checked.optional(checked.whole, entry["limit"]),
        currency=checked.text(entry["currency"]),
        exponent=checked.whole(entry["exponent"]),
    )


def _failure_from_json(entry: Mapping[str, Any]) -> Failure:
    kind = FailureKind(entry["errorKind"])
    retry_at = checked.optional(checked.instant, entry["retryAt"])
    return Failure(kind, checked.text(entry["error"]), retry_at)
