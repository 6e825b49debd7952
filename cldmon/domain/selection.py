"""Which accounts to show, and in what order. Pure."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from cldmon.domain.freshness import AccountView
    from cldmon.domain.summary import Summary

SORTS = ("name", "use", "reset")
GROUPS = {"limited": "at a limit", "errors": "in error"}


class Selection(NamedTuple):
    """An order of `SORTS` (None: as configured), and the `GROUPS` to show (none: every account)."""

    sort: str | None = None
    only: Collection[str] = ()

    def apply(self, accounts: Sequence[AccountView], summary: Summary) -> list[AccountView]:
        """Return the chosen accounts in order; `summary` is the one of `accounts`.

        By use: the fullest window first, accounts without current readings last. By reset: the
        soonest first, which for an account at a limit is when it has room again.
        """
        until = {limit.label: limit.until for limit in summary.limited}
        chosen = [
            account
            for account in accounts
            if not self.only
            or ("limited" in self.only and account.label in until)
            or ("errors" in self.only and account.failure)
        ]
        match self.sort:
            case "name":
                chosen.sort(key=lambda account: account.label.casefold())
            case "use":
                chosen.sort(key=_list_use, reverse=True)
            case "reset":
                chosen.sort(key=lambda account: _find_next_reset(account, until))
        return chosen

    def describe_groups(self) -> str:
        """Return the groups in words: `at a limit or in error`."""
        return " or ".join(GROUPS[group] for group in GROUPS if group in self.only)


ALL = Selection()


def _list_use(account: AccountView) -> list[int]:
    """Return the known percentages, the highest first."""
    known = [w.utilization for w in account.windows if account.live and not w.due]
    return sorted(known, reverse=True)


def _find_next_reset(account: AccountView, until: Mapping[str, datetime | None]) -> float:
    times = [w.resets_at for w in account.windows if account.live and not (w.due or w.overdue)]
    if account.label in until:
        times = [until[account.label]]
    return min((time.timestamp() for time in times if time), default=inf)
