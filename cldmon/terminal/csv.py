"""CSV, and usage as CSV: a row for each account's windows, credits and saved resets."""

from __future__ import annotations

import csv
from itertools import chain
from types import SimpleNamespace
from typing import TYPE_CHECKING

from cldmon.domain.instants import format_optional
from cldmon.terminal.style import format_amount

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cldmon.domain.freshness import AccountView
    from cldmon.domain.model import Credits, Pool
    from cldmon.terminal.style import Terminal

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


def format_csv(accounts: Iterable[AccountView], terminal: Terminal) -> str:
    """Return the accounts as CSV with a header, without the final newline.

    `kind` is `window`, `credits`, `pool` or `savedResets`. Money is in whole units of `currency`;
    `window` also names a pool, or the owner of credits (`organization`); `used` of saved resets is
    how many are left. Instants are ISO 8601 in UTC; pools and saved resets end at `resetsAt`.
    Unknown values are empty, and so is the utilization of a window whose reset is due. An account
    without data has one row.
    """
    rows = ([row.get(name) for name in HEADER] for row in _build_account_rows(accounts, terminal))
    return "\n".join(format_csv_rows(chain([HEADER], rows)))


def format_csv_rows(rows: Iterable[Sequence[str | int | None]]) -> Iterator[str]:
    """Return rows as lines without newlines; what is None is empty."""
    # `writerow` returns what `write` does.
    return map(csv.writer(SimpleNamespace(write=str), lineterminator="").writerow, rows)


def _build_account_rows(accounts: Iterable[AccountView], terminal: Terminal) -> Iterator[Cells]:
    for account in accounts:
        failure = account.failure
        common = {
            "label": terminal.clean(account.label),
            "plan": terminal.clean(account.plan or ""),
            "status": "error" if failure else "ok" if account.read_at else "unread",
            "fetchedAt": format_optional(account.read_at),
            "stale": _format_flag(account.stale),
            "error": terminal.clean(failure.message) if failure else None,
        }
        yield from ({**common, **row} for row in [*_build_rows(account, terminal)] or [{}])


def _build_rows(account: AccountView, terminal: Terminal) -> Iterator[Cells]:
    for window in account.windows:
        forecast = window.forecast
        yield {
            "kind": "window",
            "window": terminal.clean(window.name),
            "utilization": None if window.due else window.utilization,
            "resetsAt": format_optional(window.resets_at),
            "resetDue": _format_flag(window.due),
            "resetOverdue": _format_flag(window.overdue),
            "forecastFullAt": format_optional(forecast.full_at) if forecast else None,
            "forecastEndsAtPercent": forecast.ends_at_percent if forecast else None,
        }
    reading = account.reading
    if reading is None:
        return
    if reading.credits:
        whose = "organization" if reading.credits.shared else None
        yield {"kind": "credits", "window": whose, **_build_money_cells(reading.credits, terminal)}
    for pool in reading.pools:
        yield {
            "kind": "pool",
            "window": terminal.clean(pool.name),
            "utilization": pool.utilization,
            "resetsAt": format_optional(pool.expires_at),
            **_build_money_cells(pool, terminal),
        }
    if saved := reading.saved_resets:
        ends_at = format_optional(saved.ends_at)
        yield {"kind": "savedResets", "used": saved.left, "resetsAt": ends_at}


def _build_money_cells(money: Credits | Pool, terminal: Terminal) -> Cells:
    return {
        "used": None if money.used is None else format_amount(money.used, money.exponent),
        "limit": None if money.limit is None else format_amount(money.limit, money.exponent),
        "currency": terminal.clean(money.currency),
    }


def _format_flag(value: bool) -> str:
    return "true" if value else "false"
