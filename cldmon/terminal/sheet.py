"""Usage as CSV: a row for each window, credit and saved reset of each account."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from cldmon.domain.model import iso_or_none
from cldmon.terminal.style import format_amount

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cldmon.domain.freshness import AccountView, WindowView
    from cldmon.domain.model import Credits, Pool
    from cldmon.terminal.style import Look

    Cells = Mapping[str, str | int | None]

HEADER = (
    "label",
    "plan",
    "status",
    "window",
    "utilization",
    "resetsAt",
    "resetDue",
    "forecastFullAt",
    "forecastEndsAtPercent",
    "fetchedAt",
    "stale",
    "error",
    "resetOverdue",
    "kind",
    "used",
    "limit",
    "currency",
)


def sheet(accounts: Iterable[AccountView], look: Look) -> str:
    """Return the accounts as CSV with a header, without the last line end.

    `kind` is `window`, `credits`, `pool` or `savedResets`; money is in whole units of `currency`,
    `window` names a pool, or whose the credits are (`organization`), and `used` of saved resets is
    how many are left. Instants are ISO 8601 in UTC; a pool and a
    saved reset end at `resetsAt`. What is not known is empty, and so is the utilization of a
    window whose reset is due. An account without any of it has one row.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, lineterminator="\n")
    writer.writeheader()
    for account in accounts:
        common = {
            "label": look.clean(account.label),
            "plan": look.clean(account.plan or ""),
            "status": _status(account),
            "fetchedAt": iso_or_none(account.read_at),
            "stale": _flag(account.stale),
            "error": look.clean(account.failure.message) if account.failure else None,
        }
        rows = [*_rows(account, look)] or [{}]
        writer.writerows({**common, **row} for row in rows)
    return out.getvalue().rstrip("\n")


def _rows(account: AccountView, look: Look) -> Iterator[Cells]:
    for window in account.windows:
        yield _window(window, look)
    reading = account.reading
    if reading and reading.credits:
        whose = "organization" if reading.credits.shared else None
        yield {"kind": "credits", "window": whose, **_money(reading.credits, look)}
    for pool in reading.pools if reading else ():
        yield {
            "kind": "pool",
            "window": look.clean(pool.name),
            "utilization": pool.utilization,
            "resetsAt": iso_or_none(pool.expires_at),
            **_money(pool, look),
        }
    if reading and (saved := reading.saved_resets):
        ends_at = iso_or_none(saved.ends_at)
        yield {"kind": "savedResets", "used": saved.left, "resetsAt": ends_at}


def _status(account: AccountView) -> str:
    if account.failure:
        return "error"
    return "ok" if account.read_at else "unread"


def _window(window: WindowView, look: Look) -> Cells:
    forecast = window.forecast
    return {
        "kind": "window",
        "window": look.clean(window.name),
        "utilization": None if window.due else window.utilization,
        "resetsAt": iso_or_none(window.resets_at),
        "resetDue": _flag(window.due),
        "resetOverdue": _flag(window.overdue),
        "forecastFullAt": iso_or_none(forecast.full_at) if forecast else None,
        "forecastEndsAtPercent": forecast.ends_at_percent if forecast else None,
    }


def _money(money: Credits | Pool, look: Look) -> Cells:
    return {
        "used": None if money.used is None else format_amount(money.used, money.exponent),
        "limit": None if money.limit is None else format_amount(money.limit, money.exponent),
        "currency": look.clean(money.currency),
    }


def _flag(value: bool) -> str:
    return "true" if value else "false"
