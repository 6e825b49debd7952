"""Usage answers of the simulated claude.ai, with the keys and types of November 2026."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

WARNING = 75
CRITICAL = 90
"""From these percentages on, an entry of `limits` has this severity."""

_NO_DOLLARS = dict.fromkeys(("limit_dollars", "used_dollars", "remaining_dollars", "locked_reason"))
"""Keys of every window that are null for subscriptions."""
_NULLS = dict.fromkeys(
    (
        "seven_day_oauth_apps",
        "seven_day_opus",
        "seven_day_sonnet",
        "seven_day_cowork",
        "seven_day_omelette",
        "seven_day_overage_included",
        "tangelo",
        "iguana_necktie",
        "omelette_promotional",
        "nimbus_quill",
        "cinder_cove",
        "copper_kite",
        "brass_thimble",
        "harbor_lantern",
        "wattle_ember",
        "amber_ladder",
        "amber_cistern",
        "juniper_tide",
        "cedar_ember",
        "amber_gauge",
        "seven_day_breakdown",
        "weekly_scoped_shares",
    )
)

_EXTRA_USAGE: Mapping[str, object] = {
    "is_enabled": False,
    "monthly_limit": None,
    "used_credits": None,
    "utilization": None,
    "currency": None,
    "decimal_places": None,
    "disabled_reason": None,
    "user_disabled": False,
    "spend_limit_reached": False,
    "credits_ever_enabled": False,
    "daily": None,
    "weekly": None,
}
_SPEND: Mapping[str, object] = {
    "used": {"amount_minor": 0, "currency": "USD", "exponent": 2},
    "limit": None,
    "cap": None,
    "percent": 0,
    "severity": "normal",
    "enabled": False,
    "disabled_reason": None,
    "balance": None,
    "auto_reload": None,
    "disclaimer": None,
    "can_purchase_credits": False,
    "can_toggle": False,
}
"""As for an account that never paid beyond its plan."""


def usage(
    five_hour: float | None = 41,
    seven_day: float | None = 63,
    models: Mapping[str, float] | None = None,
    five_hour_resets: datetime | None = None,
    seven_day_resets: datetime | None = None,
    **extra: object,
) -> dict[str, Any]:
    """Return a usage answer; pass None for a window that the account does not have.

    Utilization is in percent; `models`, by display name, appear only in `limits`. Resets default to
    three hours and three days from now, or null if the 5-hour window is at 0. `extra` adds or
    replaces top-level keys.
    """
    now = datetime.now(UTC)
    session = five_hour_resets or (now + timedelta(hours=3) if five_hour else None)
    week = seven_day_resets or now + timedelta(days=3)
    return {
        "five_hour": _build_window(five_hour, session),
        "seven_day": _build_window(seven_day, week),
        **_NULLS,
        "extra_usage": _EXTRA_USAGE,
        "spend": _SPEND,
        "limits": _build_limits(five_hour, seven_day, models or {}, session, week),
        "member_dashboard_available": False,
        **extra,
    }


def usage_credits(
    used: int, limit: int | None, currency: str = "EUR", *, disabled: str | None = None
) -> dict[str, Any]:
    """Return the keys of an account that pays beyond its plan; amounts are in hundredths.

    `disabled` is the reason that it no longer can.
    """
    percent = 100 * used / limit if limit else None
    amount = {"currency": currency, "exponent": 2}
    most = None if limit is None else {"amount_minor": limit, **amount}
    return {
        "extra_usage": {
            **_EXTRA_USAGE,
            "is_enabled": disabled is None,
            "monthly_limit": limit,
            "used_credits": float(used),
            "utilization": percent,
            "currency": currency,
            "decimal_places": 2,
            "disabled_reason": disabled,
            "credits_ever_enabled": True,
        },
        "spend": {
            **_SPEND,
            "used": {"amount_minor": used, **amount},
            "limit": most,
            "cap": most and {"money": most, "credits": None},
            "percent": int(percent or 0),
            "severity": _grade_severity(percent or 0),
            "enabled": disabled is None,
            "disabled_reason": disabled,
        },
    }


def credit_pool(used: float, limit: float, expires: datetime, **extra: object) -> dict[str, object]:
    """Return the value of a credit pool's key; amounts are in dollars."""
    return {
        "utilization": 100 * used / limit,
        "resets_at": instant(expires),
        "limit_dollars": limit,
        "used_dollars": used,
        "remaining_dollars": limit - used,
        "locked_reason": None,
        **extra,
    }


def saved_resets(*ends: datetime, weekly_resets: datetime) -> dict[str, object]:
    """Return the value of `cedar_ember`, with a limit reset that expires at each instant."""
    grants = [
        {
            "id": f"grant-{number}",
            "label": "Thank you",
            "resets_total": 1,
            "resets_left": 1,
            "starts_at": instant(end - timedelta(days=30)),
            "ends_at": instant(end),
            "clears": ["weekly"],
            "paused": False,
            "usable_now": True,
        }
        for number, end in enumerate(ends, 1)
    ]
    return {
        "eligible": True,
        "ineligible_reason": None,
        "at_limit": False,
        "exhausted": [],
        "next_grant_id": grants[0]["id"] if grants else None,
        "weekly_resets_at": instant(weekly_resets),
        "cooldown_until": None,
        "grants": grants,
    }


def instant(at: datetime | None) -> str | None:
    """Return an instant in the service's format."""
    return at.astimezone(UTC).isoformat(timespec="microseconds") if at else None


def _build_window(percent: float | None, resets: datetime | None) -> dict[str, object] | None:
    if percent is None:
        return None
    return {"utilization": float(percent), "resets_at": instant(resets), **_NO_DOLLARS}


def _build_limits(
    five_hour: float | None,
    seven_day: float | None,
    models: Mapping[str, float],
    session: datetime | None,
    week: datetime,
) -> list[dict[str, object]]:
    rows = [
        ("session", five_hour, session, None),
        ("weekly_all", seven_day, week, None),
        *(("weekly_scoped", percent, week, name) for name, percent in models.items()),
    ]
    present = [(kind, percent, at, name) for kind, percent, at, name in rows if percent is not None]
    # The service shows this one if it has room for only one.
    active = max(present, key=lambda row: row[1], default=None)
    return [
        {
            "kind": kind,
            "group": kind.partition("_")[0],
            "percent": percent,
            "severity": _grade_severity(percent),
            "resets_at": instant(at),
            "scope": name and {"model": {"id": None, "display_name": name}, "surface": None},
            "is_active": (kind, percent, at, name) == active and percent > 0,
        }
        for kind, percent, at, name in present
    ]


def _grade_severity(percent: float) -> str:
    if percent >= CRITICAL:
        return "critical"
    return "warning" if percent >= WARNING else "normal"
