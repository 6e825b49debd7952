"""The compact status: a row for each account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.summary import describe_cause
from cldmon.domain.windows import FIVE_HOUR, SEVEN_DAY, short_title
from cldmon.terminal.line import choose_windows, format_numbers, mark_failure
from cldmon.terminal.status import BETWEEN, Row, describe_age
from cldmon.terminal.style import BOLD, DIM, RED, YELLOW, align_columns, pad, width
from cldmon.terminal.times import format_countdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cldmon.domain.freshness import AccountView, WindowView
    from cldmon.terminal.status import Page

_COLUMNS = (FIVE_HOUR, SEVEN_DAY)
"""The windows that have columns of their own, if any account has them."""
_MIN_BAR, _MAX_BAR = 3, 20
_MAX_NOTE = 24


def format_compact(accounts: Sequence[AccountView], page: Page) -> str:
    """Return a header, if any account needs it, and a row for each, no wider than the page.

    Other limits are shown from the level `high` on. An account in error has the error instead,
    followed by its last reading.
    """
    terminal = page.terminal
    longest = max(8, terminal.columns // 5)
    labels = [terminal.fit(each.label, longest) for each in accounts]
    indent = max(map(width, ("Account", *labels)))
    room = terminal.columns - indent - len(BETWEEN)
    rows = [_format_without_bars(account, page, room) for account in accounts]
    read = [account for account, row in zip(accounts, rows, strict=True) if row is None]
    header, *aligned = _align_rows(read, page, room)
    rest = iter(aligned)
    lines = [
        terminal.colourize(pad(label, indent), BOLD) + BETWEEN + (row or next(rest))
        for label, row in zip(labels, rows, strict=True)
    ]
    if header:
        lines.insert(0, terminal.colourize(f"{pad('Account', indent)}{BETWEEN}{header}", DIM))
    return "\n".join(lines)


def _format_without_bars(account: AccountView, page: Page, room: int) -> str | None:
    """Return the row of an account in error or without windows; None for any other."""
    terminal, failure, cause = page.terminal, account.failure, ""
    if account.windows and not failure:
        return None
    text = describe_age(account)
    if account.reading:
        text += f": {format_numbers(account, choose_windows(account), page.now, terminal)}"
    if failure:
        cause = f"{mark_failure(failure, terminal)} {describe_cause(failure, page.now, page.zone)}"
        text = cause + terminal.separator + text
    text = terminal.shorten(text, room)
    tone = RED if failure and failure.needs_action else YELLOW
    return terminal.colourize(text[: len(cause)], tone) + terminal.colourize(
        text[len(cause) :], *([] if account.live else [DIM])
    )


def _align_rows(accounts: Sequence[AccountView], page: Page, room: int) -> list[str]:
    """Return the header and a row for each account that has windows and no error.

    The bars get the room that is left; without any, notes are cut and then resets left out.
    """
    names = [name for name in _COLUMNS if any(w.name == name for a in accounts for w in a.windows)]
    notes = [_format_note(account, page) for account in accounts]

    def align(bar: int, note: int, *, resets: bool = True) -> list[str]:
        step = 2 if resets else 1
        table = [[*(cell for name in names for cell in (short_title(name), "Resets")[:step]), ""]]
        for account, text in zip(accounts, notes, strict=True):
            windows = {window.name: window for window in account.windows}
            cells = [_format_window(windows.get(x), account, bar, page)[:step] for x in names]
            table.append([*(c for pair in cells for c in pair), page.terminal.shorten(text, note)])
        return align_columns(table)

    note = min(_MAX_NOTE, max(map(width, notes), default=0))
    spare = room - max(map(width, align(0, note)))
    if spare < -note:
        lines = align(0, 0, resets=False)
    elif spare < 0:
        lines = align(0, note + spare)
    else:
        bar = min(_MAX_BAR, spare // max(1, len(names)) - len(BETWEEN))
        lines = align(bar if bar >= _MIN_BAR else 0, note)
    return [
        lines[0],
        *(
            page.terminal.colourize(line, *([] if account.live else [DIM]))
            for account, line in zip(accounts, lines[1:], strict=True)
        ),
    ]


def _format_window(
    window: WindowView | None, account: AccountView, bar: int, page: Page
) -> tuple[str, str]:
    """Return the bar with the percentage, and the time left until the reset."""
    if window is None:
        return "", ""
    if window.due:
        row = Row(window.short, None, live=False, note=page.terminal.missing.rjust(3))
        return row.draw_used(bar, page.terminal), "due"
    row = Row(window.short, window.utilization, live=account.live)
    left = page.terminal.missing
    if window.overdue:
        left = "overdue"
    elif window.resets_at:
        left = format_countdown(window.resets_at - page.now)
    return row.draw_used(bar, page.terminal), left


def _format_note(account: AccountView, page: Page) -> str:
    """Return what the columns do not show: that it is stale, and other limits."""
    facts = [describe_age(account)] if account.stale else []
    if others := [each for each in choose_windows(account) if each.name not in _COLUMNS]:
        facts.append(format_numbers(account, others, page.now, page.terminal))
    return page.terminal.separator.join(facts)
