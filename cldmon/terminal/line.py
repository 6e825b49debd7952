"""Usage in one line, for tmux, prompts and status bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.freshness import HIGH, level
from cldmon.domain.windows import FIVE_HOUR, FULL, SEVEN_DAY
from cldmon.terminal.style import MARKS, format_amount
from cldmon.terminal.times import format_countdown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from cldmon.domain.freshness import AccountView, WindowView
    from cldmon.domain.model import Credits
    from cldmon.terminal.style import Terminal


def format_line(accounts: Iterable[AccountView], now: datetime, terminal: Terminal) -> str:
    """Return `alice 5h 41% 7d 63% · bob 5h 100%!! (2h14m) 7d 8% · carol ✗`.

    Any other limit than session and week is named from the level `high` on, or where there are
    only others; credits where there are no limits. `!` and `!!` mark a limit that comes near, `?`
    an old reading, `–` what is not known, `✗` an account in error.
    """
    words = (
        f"{terminal.clean(each.label)} {_format_account(each, now, terminal)}" for each in accounts
    )
    return terminal.pick(" · ", " | ").join(words)


def _format_account(account: AccountView, now: datetime, terminal: Terminal) -> str:
    if account.failure:
        return terminal.pick("✗", "x")
    windows = [w for w in account.windows if w.name in (FIVE_HOUR, SEVEN_DAY) or _is_high(w)]
    if shown := windows or account.windows[:1]:
        return " ".join(
            f"{terminal.clean(window.short)} {_format_percent(window, now, live=account.live)}"
            for window in shown
        )
    money = account.reading.credits if account.reading else None
    return _format_credits(money, terminal, live=account.live) if money else terminal.missing


def _is_high(window: WindowView) -> bool:
    return window.utilization >= HIGH


def _format_percent(window: WindowView, now: datetime, *, live: bool) -> str:
    percent, resets_at = window.utilization, window.resets_at
    if window.due:
        return "due"
    if not live:
        return f"{percent}%?"
    used = f"{percent}%{MARKS[level(percent)]}"
    if window.overdue:
        return f"{used} (reset overdue)"
    if percent < FULL or resets_at is None:
        return used
    return f"{used} ({format_countdown(resets_at - now).replace(' ', '')})"


def _format_credits(money: Credits, terminal: Terminal, *, live: bool) -> str:
    name = "org credits" if money.shared else "credits"
    if money.used is None:
        return f"{name} {terminal.missing}"
    used = format_amount(money.used, money.exponent)
    return f"{name} {used} {terminal.clean(money.currency)}{'' if live else '?'}"
