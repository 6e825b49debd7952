"""Whether enough of an account's limits is left for a script to continue. Pure.

Source: contract, "Commands", `guard`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from cldmon.domain.freshness import find_last_reset
from cldmon.domain.windows import FULL, limit_name

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta

    from cldmon.domain.freshness import AccountView


class GuardResult(IntEnum):
    """The verdict, as an exit code: 69 is EX_UNAVAILABLE of sysexits.h."""

    ENOUGH = 0
    TOO_LITTLE = 1
    UNKNOWN = 69


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """Whether enough is left, and why, in a line without the account's label.

    `until` is when the window with too little left resets (UTC), if that is known. `is_final`: it
    stays like this until someone acts.
    """

    result: GuardResult
    reason: str
    until: datetime | None = None
    is_final: bool = False

    @property
    def may_change(self) -> bool:
        """Whether waiting may help."""
        return self.result is not GuardResult.ENOUGH and not self.is_final


def check_room(
    account: AccountView, windows: Collection[str] | None, free: int, max_age: timedelta
) -> GuardVerdict:
    """Return whether at least `free` percent is left in each of these windows (None: in all).

    Unknown for an account in error, a reading older than `max_age` or a reset that is due. A
    window that the account does not have limits nothing.
    """
    if account.failure:
        failure = account.failure
        return GuardVerdict(GuardResult.UNKNOWN, failure.message, is_final=failure.needs_action)
    if account.age is None or not account.windows:
        return GuardVerdict(GuardResult.UNKNOWN, "no limit has been read yet")
    if abs(account.age) > max_age:
        return GuardVerdict(GuardResult.UNKNOWN, "the last reading is too old")
    chosen = [each for each in account.windows if windows is None or each.name in windows]
    if not chosen:
        return GuardVerdict(GuardResult.ENOUGH, "the account has no such limit")
    full = [each for each in chosen if not each.due and FULL - each.utilization < free]
    if full:
        last = find_last_reset(full)  # no other reset helps before that
        left = FULL - last.utilization
        reason = f"{limit_name(last.name)}: {left}% left"
        return GuardVerdict(GuardResult.TOO_LITTLE, reason, last.resets_at)
    due = next((each for each in chosen if each.due), None)
    if due:
        return GuardVerdict(GuardResult.UNKNOWN, f"{limit_name(due.name)}: reset due, not read yet")
    least = max(chosen, key=lambda each: each.utilization)
    return GuardVerdict(
        GuardResult.ENOUGH, f"{limit_name(least.name)}: {FULL - least.utilization}% left"
    )
