"""Usage as JSON: what `GET /api/usage` and `status --json` show. Source: contract, "HTTP"."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cldmon.domain.freshness import build_views, compute_stale_at
from cldmon.domain.instants import format_iso, format_optional
from cldmon.domain.json_types import to_json
from cldmon.domain.selection import ALL
from cldmon.domain.snapshot import failure_to_json
from cldmon.domain.summary import summarize
from cldmon.domain.windows import FIVE_HOUR, SEVEN_DAY, WINDOW_KINDS, nest

if TYPE_CHECKING:
    from datetime import datetime

    from cldmon.domain.freshness import AccountView, Forecasts
    from cldmon.domain.model import Snapshot
    from cldmon.domain.selection import Selection

_MISSING = {"utilization": 0, "resetsAt": None, "missing": True}
"""For a documented window that the account lacks: the Node program's page expects a number."""
_EXTRA_USAGE = ("used", "limit", "currency", "exponent")
_WINDOW_KINDS = [
    {"name": kind.name, "title": kind.title, "short": kind.short} for kind in WINDOW_KINDS
]
"""For naming windows in the history that no account has any more."""


def usage_to_json(
    snapshot: Snapshot,
    now: datetime,
    forecasts: Forecasts | None = None,
    selection: Selection = ALL,
) -> dict[str, Any]:
    """Return a snapshot as `GET /api/usage` and `status --json` show it at `now` (UTC).

    Without session and subscriptions. The summary is of all accounts. Source: contract, "HTTP".
    """
    accounts = build_views(snapshot, now, forecasts)
    summary = summarize(accounts, now)
    body: dict[str, Any] = {
        "fetchedAt": format_optional(snapshot.fetched_at),
        "staleAt": format_optional(compute_stale_at(snapshot.fetched_at, snapshot.interval)),
        "accounts": [_account_to_json(account) for account in selection.apply(accounts, summary)],
        "refreshIntervalMs": snapshot.interval // timedelta(milliseconds=1),
        "slackEnabled": snapshot.slack_enabled,
        "windowKinds": _WINDOW_KINDS,
        "summary": to_json(summary),
    }
    return body if snapshot.fetched_at else {**body, "loading": True}


def _account_to_json(account: AccountView) -> dict[str, Any]:
    age = {
        "stale": account.stale,
        "staleAt": format_optional(account.stale_at),
        "ageSeconds": None if account.age is None else int(account.age.total_seconds()),
    }
    shown = _reading_to_json(account)
    if shown and account.failure is None:
        return {"label": account.label, "status": "ok", **shown, **age}
    silence = {"error": "no report yet"} if account.awaits_report else {}
    return {
        "label": account.label,
        **failure_to_json(account.failure),
        **silence,
        "lastGood": shown,
        "windows": [],
        "credits": None,
        "pools": [],
        "savedResets": None,
        "plan": account.plan,
        "source": account.source,
        **age,
    }


def _reading_to_json(account: AccountView) -> dict[str, Any] | None:
    reading = account.reading
    if reading is None:
        return None
    windows = {
        window.name: {
            "utilization": window.utilization,
            "resetsAt": format_optional(window.resets_at),
            "resetDue": window.due,
            "resetOverdue": window.overdue,
            "forecast": to_json(window.forecast),
        }
        for window in account.windows
    }
    money = to_json(reading.credits)
    is_spent = reading.credits and reading.credits.enabled and reading.credits.used is not None
    return {
        FIVE_HOUR: _MISSING,
        SEVEN_DAY: _MISSING,
        **nest(windows),
        "windows": [
            {
                "name": window.name,
                "title": window.title,
                "short": window.short,
                **windows[window.name],
                "level": window.level,
            }
            for window in account.windows
        ],
        "credits": money,
        "pools": to_json(reading.pools),
        "savedResets": to_json(reading.saved_resets),
        "plan": reading.plan,
        "source": reading.source,
        "organization": reading.organization,
        "fetchedAt": format_iso(reading.taken_at),
        "extraUsage": {key: money[key] for key in _EXTRA_USAGE} if money and is_spent else None,
        "ignored": reading.ignored,
    }
