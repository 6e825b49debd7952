"""Usage in one line, for tmux, prompts and status bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.model import FULL, short_title
from cldmon.domain.view import DOCUMENTED, WARNING, level
from cldmon.terminal.style import MARKS
from cldmon.terminal.times import countdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from cldmon.domain.view import AccountView, WindowView
    from cldmon.terminal.style import Look


def line(views: Iterable[AccountView], look: Look, now: datetime) -> str:
    """Return `alice 5h 41% 7d 63% · bob 5h 100%!! (2h14m) 7d 8% · carol ✗`.

    A limit of one model is named from the warning level on. `!` and `!!` mark a limit that comes
    near, `?` an old reading, `–` what is not known, `✗` an account in error.
    """
    accounts = (f"{look.clean(a.label)} {_account(a, look, now)}" for a in views)
    return look.pick(" · ", " | ").join(accounts)


def _account(account: AccountView, look: Look, now: datetime) -> str:
    if account.failure:
        return look.pick("✗", "x")
    return " ".join(_windows(account, look, now)) or look.missing


def _windows(account: AccountView, look: Look, now: datetime) -> Iterator[str]:
    for name, window in account.all_windows().items():
        if window is None:
            yield f"{short_title(name)} {look.missing}"
        elif name in DOCUMENTED or window.due or window.utilization >= WARNING:
            yield f"{look.clean(short_title(name))} {_used(window, now, live=account.live)}"


def _used(window: WindowView, now: datetime, *, live: bool) -> str:
    if window.due:
        return "due"
    if not live:
        return f"{window.utilization}%?"
    used = f"{window.utilization}%{MARKS[level(window.utilization)]}"
    if window.utilization < FULL or window.resets_at is None:
        return used
    return f"{used} ({countdown(window.resets_at - now).replace(' ', '')})"
