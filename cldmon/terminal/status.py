"""The status table: text from domain values.

Not by tabulate: it does not know how wide emoji and CJK letters are, and loading it takes longer
than all of the rest.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from cldmon.domain.freshness import level
from cldmon.domain.windows import FULL
from cldmon.terminal.bars import COLOURS, draw_bar
from cldmon.terminal.style import BOLD, DIM, MARKS, RED, YELLOW, align_columns, format_amount, width
from cldmon.terminal.times import (
    format_age,
    format_clock,
    format_countdown,
    format_day,
    format_duration,
    format_failure,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, tzinfo

    from cldmon.domain.freshness import AccountView, WindowView
    from cldmon.domain.model import Credits, Pool, SavedResets
    from cldmon.terminal.style import Terminal

INDENT = "  "
_BETWEEN = "  "
"""What separates two columns, and a bar from its percentage."""
HEADINGS = ("Window", "Used", "Resets", "Forecast")
MIN_BAR = 6
MAX_BAR = 60
_ASIDE = 14
"""Columns for what is beside the windows, so that these keep their bars and forecasts."""
_CREDITS = ("credits", "Usage credits")
ROOMY = 110
"""From so many columns on windows have their long names."""


class Page(NamedTuple):
    """What the table is drawn with: `zone` None is the system's."""

    terminal: Terminal
    now: datetime
    zone: tzinfo | None = None

    def format_clock(self, instant: datetime) -> str:
        """Return an instant as clock time in the reader's zone."""
        return format_clock(instant, self.now, self.zone)


class Row(NamedTuple):
    """A line of the table; `percent` None draws no bar, and not `live` a pale one.

    What is no limit (`is_limit`) has no level.
    """

    name: str
    percent: int | None
    used: str
    resets: tuple[str, str] = ("", "")
    forecast: str = ""
    live: bool = True
    is_limit: bool = True


class Columns(NamedTuple):
    """The cells of each column, without their bars."""

    names: Sequence[str]
    used: Sequence[str]
    resets: Sequence[str]
    forecasts: Sequence[str]


def format_table(views: Sequence[AccountView], page: Page) -> str:
    """Return the accounts, each with its windows below it, as wide as the page and no wider."""
    rows = [list(_build_rows(account, page)) for account in views]
    header, *lines = _align_rows(list(chain(*rows)), page)
    below = iter(lines)
    blocks = [
        "\n".join([*_format_head(account, page), *islice(below, len(own))])
        for account, own in zip(views, rows, strict=True)
    ]
    body = "\n\n".join(blocks)
    return f"{header}\n{body}" if lines else body


def _format_head(account: AccountView, page: Page) -> Iterator[str]:
    """Yield the lines above an account's windows: who it is, how old, and its error first."""
    terminal = page.terminal
    facts = [account.plan and terminal.clean(account.plan), _format_age(account)]
    rest = "".join(terminal.pick(" · ", " - ") + fact for fact in facts if fact)
    label = terminal.shorten(terminal.clean(account.label), max(8, terminal.columns - width(rest)))
    yield terminal.paint(label, BOLD) + terminal.paint(rest, *_choose_tone(account))
    if account.failure:
        yield from _wrap_error(format_failure(account.failure, page.now, page.zone), page)


def _choose_tone(account: AccountView) -> tuple[str, ...]:
    if account.live:
        return ()
    return (YELLOW,) if account.age is not None and not account.failure else (DIM,)


def _format_age(account: AccountView) -> str:
    if account.age is None:
        return "never read" if account.failure else "not read yet"
    if account.failure:
        return f"last read {format_age(account.age)}"
    if not account.stale:
        return f"read {format_age(account.age)}"
    old = (
        f"{format_duration(account.age)} old"
        if account.age > timedelta(0)
        else format_age(account.age)
    )
    return f"stale, {old}"


def _wrap_error(message: str, page: Page) -> Iterator[str]:
    terminal = page.terminal
    text = terminal.paragraph(message, f"{INDENT}{terminal.pick('✗', 'x')} ", f"{INDENT}  ")
    for line in text.split("\n"):
        yield INDENT + terminal.paint(line.removeprefix(INDENT), RED)


def _build_rows(account: AccountView, page: Page) -> Iterator[Row]:
    for window in account.windows:
        yield _build_window_row(account, window, page)
    if account.reading is None:
        return
    if account.reading.credits:
        yield _build_credits_row(account.reading.credits, page.terminal, live=account.live)
    for pool in account.reading.pools:
        yield _build_pool_row(pool, page, live=account.live)
    if account.reading.saved_resets and account.reading.saved_resets.left:
        yield _build_saved_resets_row(account.reading.saved_resets, page, live=account.live)


def _fit_name(long: str, short: str, terminal: Terminal) -> str:
    name = terminal.clean(long if terminal.columns >= ROOMY else short)
    return terminal.shorten(name, max(12, terminal.columns // 4))


def _build_window_row(account: AccountView, window: WindowView, page: Page) -> Row:
    name = _fit_name(window.title, window.short, page.terminal)
    when = page.format_clock(window.resets_at) if window.resets_at else page.terminal.missing
    if window.due:
        return Row(name, None, _format_unknown(page), (when, "reset due"), live=False)
    left = f"in {format_countdown(window.resets_at - page.now)}" if window.resets_at else ""
    return Row(
        name,
        window.utilization,
        _format_percent(window.utilization, live=account.live),
        (when, "reset overdue" if window.overdue else left),
        _format_forecast(account, window, page),
        account.live,
    )


def _format_unknown(page: Page) -> str:
    return page.terminal.missing.rjust(3)


def _format_percent(percent: int, *, live: bool) -> str:
    return f"{percent:3}% {MARKS[level(percent)]}" if live else f"{percent:3}% ?"


def _format_forecast(account: AccountView, window: WindowView, page: Page) -> str:
    if not account.live:
        return ""
    if window.utilization >= FULL:
        return "limit hit"
    found = window.forecast
    if found is None:
        return ""
    if found.full_at:
        return f"full {page.format_clock(found.full_at)}"
    return f"{found.ends_at_percent}% at reset"


def _build_credits_row(money: Credits, terminal: Terminal, *, live: bool) -> Row:
    percent = None
    if money.used is not None and money.limit:
        percent = min(FULL, money.used * FULL // money.limit)
    short, long = ("org credits", "Usage credits (organization)") if money.shared else _CREDITS
    return Row(
        _fit_name(long, short, terminal),
        percent,
        "" if percent is None else _format_percent(percent, live=live),
        (f"{_format_amounts(money, terminal)} {terminal.clean(money.currency)}", ""),
        "" if money.enabled else _format_reason(money, terminal),
        live=live,
    )


def _format_reason(money: Credits, terminal: Terminal) -> str:
    """Return why credits are off, in a few letters: the forecasts share that column."""
    reason = terminal.clean((money.reason or "off").replace("_", " "))
    return reason if terminal.columns >= ROOMY else terminal.shorten(reason, _ASIDE)


def _build_pool_row(pool: Pool, page: Page, *, live: bool) -> Row:
    terminal = page.terminal
    # Used up until it expires, but no limit that anybody hits: it raises no mark.
    used = "" if pool.utilization is None else f"{pool.utilization:3}%{'' if live else ' ?'}"
    money = (
        _format_amounts(pool, terminal) if pool.limit is not None or pool.used is not None else ""
    )
    return Row(
        _fit_name(pool.title, terminal.shorten(terminal.clean(pool.title), _ASIDE), terminal),
        pool.utilization,
        used,
        (f"{money} {terminal.clean(pool.currency)}" if money else terminal.missing, ""),
        f"expires {format_day(pool.expires_at, page.zone)}" if pool.expires_at else "",
        live=live,
        is_limit=False,
    )


def _build_saved_resets_row(saved: SavedResets, page: Page, *, live: bool) -> Row:
    when = ("", "")
    if ends := saved.ends_at:
        left = ends - page.now
        when = (
            page.format_clock(ends),
            f"ends in {format_countdown(left)}" if left > timedelta(0) else "ended",
        )
    name = _fit_name("Saved limit resets", "saved resets", page.terminal)
    return Row(name, None, f"{saved.left} left", when, live=live)


def _format_amounts(money: Credits | Pool, terminal: Terminal) -> str:
    used, limit = (
        terminal.missing if amount is None else format_amount(amount, money.exponent)
        for amount in (money.used, money.limit)
    )
    return used if money.limit is None else f"{used} of {limit}"


def _align_rows(rows: Sequence[Row], page: Page) -> list[str]:
    """Return the header and a line for each row, bars as long as the page lets them be."""
    columns = _choose_columns(rows, page.terminal)
    bars = _count_bar_cells(columns, page.terminal)
    lines = [
        (row.name, _build_used_cell(row, bars, page.terminal), reset, forecast)
        for row, reset, forecast in zip(rows, columns.resets, columns.forecasts, strict=True)
    ]
    headings = HEADINGS if any(columns.forecasts) else (*HEADINGS[:-1], "")
    header, *below = align_columns([headings, *lines])
    live = [
        page.terminal.paint(line, *([] if row.live else [DIM]))
        for line, row in zip(below, rows, strict=True)
    ]
    return [INDENT + page.terminal.paint(header, DIM), *(INDENT + line for line in live)]


def _choose_columns(rows: Sequence[Row], terminal: Terminal) -> Columns:
    """Return what stands in the columns.

    On a narrow page the forecast is left out, and if that is not enough the clock times.
    """
    names, used = [row.name for row in rows], [row.used for row in rows]
    clocks = max((width(row.resets[0]) for row in rows if row.resets[1]), default=0)
    both = ["  ".join([row.resets[0].ljust(clocks), row.resets[1]]).rstrip() for row in rows]
    left = [row.resets[1] or row.resets[0] for row in rows]
    full = Columns(names, used, both, [row.forecast for row in rows])
    no_forecast = full._replace(forecasts=[""] * len(rows))
    choices = (full, no_forecast, no_forecast._replace(resets=left))
    return next((c for c in choices if _measure_columns(c) <= terminal.columns), choices[-1])


def _count_bar_cells(columns: Columns, terminal: Terminal) -> int:
    """Return how long bars may be; 0 where there is no room for any that says something."""
    room = terminal.columns - _measure_columns(columns) - len(_BETWEEN)
    return min(room, MAX_BAR) if room >= MIN_BAR else 0


def _measure_columns(columns: Columns) -> int:
    """Return how many columns of a terminal a line takes, without a bar."""
    widths = [
        max(map(width, (heading, *column))) if any(column) else 0
        for heading, column in zip(HEADINGS, columns, strict=True)
    ]
    return len(INDENT) + sum(widths) + len(_BETWEEN) * (sum(map(bool, widths)) - 1)


def _build_used_cell(row: Row, cells: int, terminal: Terminal) -> str:
    if not cells:
        return row.used
    if row.percent is None:
        return f"{' ' * cells}  {row.used}"
    colours = COLOURS[level(row.percent) if row.is_limit else "normal"]
    drawn = draw_bar(row.percent, cells, terminal, colours=colours if row.live else None)
    return f"{drawn}  {terminal.paint(row.used, *colours) if row.live else row.used}"
