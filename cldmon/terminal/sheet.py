"""Usage as CSV: a row for each account and window."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from cldmon.domain.model import iso_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cldmon.domain.honest import Forecasts
    from cldmon.domain.view import AccountView, WindowView
    from cldmon.terminal.style import Look

    Cell = str | int | None

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
)


def sheet(views: Iterable[AccountView], look: Look, forecasts: Forecasts) -> str:
    """Return the accounts as CSV with a header, without the last line end.

    Instants are ISO 8601 in UTC; what is not known is empty, and so is the utilization of a
    window whose reset is due. An account without windows has one row.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for account in views:
        writer.writerows(_rows(account, look, forecasts))
    return out.getvalue().rstrip("\n")


def _rows(account: AccountView, look: Look, forecasts: Forecasts) -> Iterator[list[Cell]]:
    before = [look.clean(account.label), look.clean(account.plan or ""), _status(account)]
    error = look.clean(account.failure.message) if account.failure else None
    after = [iso_or_none(account.read_at), _flag(account.stale), error]
    for window in account.windows:
        yield [*before, *_window(account, window, look, forecasts), *after]
    if not account.windows:
        yield [*before, *[None] * (len(HEADER) - len(before) - len(after)), *after]


def _status(account: AccountView) -> str:
    if account.failure:
        return "error"
    return "ok" if account.read_at else "unread"


def _window(
    account: AccountView, window: WindowView, look: Look, forecasts: Forecasts
) -> list[Cell]:
    forecast = forecasts.get((account.label, window.name)) if account.live else None
    return [
        look.clean(window.name),
        None if window.due else window.utilization,
        iso_or_none(window.resets_at),
        _flag(window.due),
        iso_or_none(forecast.full_at) if forecast else None,
        forecast.ends_at_percent if forecast else None,
    ]


def _flag(value: bool) -> str:
    return "true" if value else "false"
