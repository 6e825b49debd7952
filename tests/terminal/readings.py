"""A snapshot with one of everything that `status` can show, and the current time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cldmon.domain.forecast import Forecast
from cldmon.domain.model import (
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

NOW = datetime(2026, 11, 22, 11, 37, 20, tzinfo=UTC)
"""A Sunday, 12:37 in Berlin."""
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LATER = NOW + 81 * HOUR


def reading(ago: timedelta, plan: str, money: Credits | None = None, **windows: Window) -> Reading:
    """Return a reading; write the dot in a window's name as `__`."""
    named = {name.replace("__", "."): window for name, window in windows.items()}
    return Reading(NOW - ago, named, plan=plan, organization="uuid", credits=money)


ALICE = Account(
    "alice",
    reading(
        4 * MINUTE,
        "Max",
        Credits(1275, 5000, "EUR", 2),
        fiveHour=Window(41, NOW + 134 * MINUTE),
        sevenDay=Window(63, LATER),
        models__Fable=Window(78, LATER),
    ),
)
EXPIRED = Failure(
    FailureKind.KEY_EXPIRED, "session key expired or revoked: sign in again and store a new key"
)
BOB = Account(
    "bob",
    reading(
        200 * MINUTE, "Pro", fiveHour=Window(41, NOW - 20 * MINUTE), sevenDay=Window(93, LATER)
    ),
    EXPIRED,
)
CAROL = Account(
    "carol 🎉 数据",
    reading(
        42 * MINUTE,
        "Team",
        fiveHour=Window(100, NOW + 44 * MINUTE),
        sevenDay=Window(12, NOW + 160 * HOUR),
    ),
)
DAVE = Account(
    "dave",
    reading(4 * MINUTE, "Pro", fiveHour=Window(0, None), sevenDay=Window(100, NOW + 2 * HOUR)),
)
ERIN = Account(
    "erin",
    None,
    Failure(
        FailureKind.CHALLENGED,
        "challenged by Cloudflare; the key is probably fine: if it lasts, set browser.headless ="
        " false (under Xvfb) or ask from another address",
    ),
)
FRANK = Account(
    "frank",
    reading(4 * MINUTE, "Free", fiveHour=Window(92, NOW - MINUTE), models__Fable=Window(9, LATER)),
)
GRACE = Account("grace", None)
HEIDI = Account(
    "heidi",
    replace(
        reading(
            MINUTE,
            "Ultra",
            Credits(2390, 2400, "EUR", 2, enabled=False, reason="out_of_credits"),
            sevenDay=Window(97, NOW - HOUR),
        ),
        pools=(Pool("iguanaNecktie", "Cloud session credit", 6120, 25000, 24, LATER),),
        saved_resets=SavedResets(2, LATER),
    ),
)
SNAPSHOT = Snapshot(
    NOW - 4 * MINUTE, (ALICE, BOB, CAROL, DAVE, ERIN, FRANK, GRACE), 10 * MINUTE, slack_enabled=True
)
FORECASTS = {
    ("alice", "fiveHour"): Forecast(None, 77),
    ("alice", "sevenDay"): Forecast(NOW + 50 * HOUR, 100),
    ("carol 🎉 数据", "sevenDay"): Forecast(None, 99),
}


def make_snapshot(*accounts: Account) -> Snapshot:
    """Return a snapshot of these accounts."""
    return Snapshot(NOW, accounts, 10 * MINUTE)
