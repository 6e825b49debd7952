"""Usage in one line, for tmux, prompts and status bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.freshness import HIGH, get_level
from cldmon.domain.windows import FIVE_HOUR, FULL, SEVEN_DAY
from cldmon.terminal.style import MARKS, format_amount
from cldmon.terminal.times import format_countdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from cldmon.domain.freshness import AccountView, WindowView
    from cldmon.domain.model import Failure
    from cldmon.domain.summary import Summary
    from cldmon.terminal.style import Terminal


def format_line(
    accounts: Sequence[AccountView], summary: Summary, now: datetime, terminal: Terminal
) -> str:
    """Return `alice 5h 41% 7d 63% · bob 5h 100%!! (2h14m) 7d 8% · carol ✗`.

    Limits other than session and week are shown from the level `high` on, or if there are no
    others; credits are shown if there are no limits. `!` and `!!` mark a limit that is near, `?`
    an old reading, `–` an unknown value, `✗` an account whose error needs action, `↻` one that
    recovers by itself. `summary` may cover more accounts than are shown.
    """
    failed = len(summary.needs_action) + len(summary.recovering)
    counts = [
        f"{count}/{summary.accounts} {what}"
        for count, what in ((len(summary.limited), "at a limit"), (failed, "in error"))
        if count and summary.accounts > 1
    ]
    words = [
        f"{terminal.clean(each.label)} {_format_account(each, now, terminal)}" for each in accounts
    ]
    return terminal.pick(" · ", " | ").join([*counts, *words])


def mark_failure(failure: Failure, terminal: Terminal) -> str:
    """Return the symbol of an error: somebody has to act, or it recovers by itself."""
    return terminal.pick("✗", "x") if failure.needs_action else terminal.pick("↻", "~")


def _format_account(account: AccountView, now: datetime, terminal: Terminal) -> str:
    if account.failure:
        return mark_failure(account.failure, terminal)
    return format_numbers(account, choose_windows(account), now, terminal)


def choose_windows(account: AccountView) -> Sequence[WindowView]:
    """Return the windows to show where there is little room."""
    return [
        window
        for window in account.windows
        if window.name in (FIVE_HOUR, SEVEN_DAY) or window.utilization >= HIGH
    ] or account.windows[:1]


def format_numbers(
    account: AccountView, windows: Iterable[WindowView], now: datetime, terminal: Terminal
) -> str:
    """Return some of an account's windows, or its credits if there are none."""
    words = []
    for window in windows:
        used, resets_at = f"{window.utilization}%", window.resets_at
        if window.due:
            used = "due"
        elif not account.live:
            used += "?"
        else:
            used += MARKS[get_level(window.utilization)]
            if window.overdue:
                used += " (reset overdue)"
            elif window.utilization >= FULL and resets_at:
                used += f" ({format_countdown(resets_at - now).replace(' ', '')})"
        words.append(f"{terminal.clean(window.short)} {used}")
    if words:
        return " ".join(words)
    if not (account.reading and (money := account.reading.credits)):
        return terminal.missing
    name = "org credits" if money.shared else "credits"
    if money.used is None:
        return f"{name} {terminal.missing}"
    used = format_amount(money.used, money.exponent)
    return f"{name} {used} {terminal.clean(money.currency)}{'' if account.live else '?'}"
