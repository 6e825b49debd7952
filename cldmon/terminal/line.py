"""Usage in one line, for tmux, prompts and status bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.freshness import HIGH, get_level
from cldmon.domain.windows import FIVE_HOUR, FULL, SEVEN_DAY
from cldmon.terminal.style import MARKS, format_amount
from cldmon.terminal.times import format_countdown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cldmon.domain.freshness import AccountView
    from cldmon.domain.summary import Summary
    from cldmon.terminal.style import Terminal


def format_line(
    accounts: Sequence[AccountView], summary: Summary, now: datetime, terminal: Terminal
) -> str:
    """Return `alice 5h 41% 7d 63% · bob 5h 100%!! (2h14m) 7d 8% · carol ✗`.

    Limits other than session and week are shown from the level `high` on, or if there are no
    others; credits are shown if there are no limits. `!` and `!!` mark a limit that is near, `?`
    an old reading, `–` an unknown value, `✗` an account with an error.
    """
    words = (
        f"{terminal.clean(each.label)} {_format_account(each, now, terminal)}" for each in accounts
    )
    counts = []
    if len(accounts) > 1 and (limited := len(summary.limited)):
        counts.append(f"{limited}/{summary.accounts} at a limit")
    if len(accounts) > 1 and (failed := len(summary.needs_action) + len(summary.recovering)):
        counts.append(f"{failed}/{summary.accounts} in error")
    return terminal.pick(" · ", " | ").join([*counts, *words])


def _format_account(account: AccountView, now: datetime, terminal: Terminal) -> str:
    if account.failure:
        return terminal.pick("✗", "x")
    named = [
        window
        for window in account.windows
        if window.name in (FIVE_HOUR, SEVEN_DAY) or window.utilization >= HIGH
    ]
    words = []
    for window in named or account.windows[:1]:
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
