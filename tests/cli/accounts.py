"""Accounts as a pass has just read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cldmon.domain.model import Account, Reading, Window

MINUTE = timedelta(minutes=1)
LINE = ("--format", "line")


def account(label: str, percent: int, ago: timedelta = MINUTE) -> Account:
    now = datetime.now(UTC)
    windows = {
        "fiveHour": Window(percent, now + 90 * MINUTE),
        "sevenDay": Window(63, now + timedelta(days=3)),
    }
    return Account(label, Reading(now - ago, windows, plan="Pro"))
