"""The status table: text from domain values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabulate import tabulate

from cldmon.domain.model import short_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cldmon.domain.view import AccountView, WindowView


def table(views: Iterable[AccountView]) -> str:
    """Return the accounts as a table, a line for each window."""
    rows = [row for account in views for row in _rows(account)]
    return tabulate(rows, headers=["Account", "Plan", "Window", "Used", "Resets"], tablefmt="plain")


def _rows(account: AccountView) -> Iterator[list[str]]:
    if account.failure:
        yield [account.label, account.plan or "–", account.failure.message, "", ""]
    for window in account.windows:
        yield [account.label, account.plan or "–", short_title(window.name), _used(window), ""]


def _used(window: WindowView) -> str:
    return "reset due" if window.due else f"{window.utilization}%"
