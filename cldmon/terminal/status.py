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
from cldmon.terminal.bars import COLOURS, bar
from cldmon.terminal.style import BOLD, DIM, MARKS, RED, YELLOW, aligned, format_amount, width
from cldmon.terminal.times import clock, countdown, day, length, read_ago

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, tzinfo

    from cldmon.domain.freshness import AccountView, WindowView
    from cldmon.domain.model import Credits, Pool, SavedResets
    from cldmon.terminal.style import Look

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

    look: Look
    now: datetime
    zone: tzinfo | None = None

    def clock(self, instant: datetime) -> str:
        """Return an instant as clock time in the reader's zone."""
        return clock(instant, self.now, self.zone)


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


def table(views: Sequence[AccountView], page: Page) -> str:
    """Return the accounts, each with its windows below it, as wide as the page and no wider."""
    rows = [list(_rows(account, page)) for account in views]
    header, *lines = _aligned(list(chain(*rows)), page)
    below = iter(lines)
    blocks = [
        "\n".join([*_head(account, page), *islice(below, len(own))])
        for account, own in zip(views, rows, strict=True)
    ]
    body = "\n\n".join(blocks)
    return f"{header}\n{body}" if lines else body


def _head(account: AccountView, page: Page) -> Iterator[str]:
    """Yield the lines above an account's windows: who it is, how old, and its error first."""
    look = page.look
    facts = [account.plan and look.clean(account.plan), _age(account)]
    rest = "".join(look.pick(" · ", " - ") + fact for fact in facts if fact)
    label = look.shorten(look.clean(account.label), max(8, look.columns - width(rest)))
    yield look.paint(label, BOLD) + look.paint(rest, *_tone(account))
    if account.failure:
        yield from _error(account.failure.message, page)


def _tone(account: AccountView) -> tuple[str, ...]:
    if account.live:
        return ()
    return (YELLOW,) if account.age is not None and not account.failure else (DIM,)


def _age(account: AccountView) -> str:
    if account.age is None:
        return "never read" if account.failure else "not read yet"
    if account.failure:
        return f"last read {read_ago(account.age)}"
    if not account.stale:
        return f"read {read_ago(account.age)}"
    old = f"{length(account.age)} old" if account.age > timedelta(0) else read_ago(account.age)
    return f"stale, {old}"


def _error(message: str, page: Page) -> Iterator[str]:
    look = page.look
    text = look.paragraph(message, f"{INDENT}{look.pick('✗', 'x')} ", f"{INDENT}  ")
    for line in text.split("\n"):
        yield INDENT + look.paint(line.removeprefix(INDENT), RED)


def _rows(account: AccountView, page: Page) -> Iterator[Row]:
    for window in account.windows:
        yield _window_row(account, window, page)
    if account.reading is None:
        return
    if account.reading.credits:
        yield _credits_row(account.reading.credits, page.look, live=account.live)
    for pool in account.reading.pools:
        yield _pool_row(pool, page, live=account.live)
    if account.reading.saved_resets and account.reading.saved_resets.left:
        yield _saved_resets_row(account.reading.saved_resets, page, live=account.live)


def _name(long: str, short: str, look: Look) -> str:
    name = look.clean(long if look.columns >= ROOMY else short)
    return look.shorten(name, max(12, look.columns // 4))


def _window_row(account: AccountView, window: WindowView, page: Page) -> Row:
    name = _name(window.title, window.short, page.look)
    when = page.clock(window.resets_at) if window.resets_at else page.look.missing
    if window.due:
        return Row(name, None, _unknown(page), (when, "reset due"), live=False)
    left = f"in {countdown(window.resets_at - page.now)}" if window.resets_at else ""
    return Row(
        name,
        window.utilization,
        _used(window.utilization, live=account.live),
        (when, "reset overdue" if window.overdue else left),
        _forecast(account, window, page),
        account.live,
    )


def _unknown(page: Page) -> str:
    return page.look.missing.rjust(3)


def _used(percent: int, *, live: bool) -> str:
    return f"{percent:3}% {MARKS[level(percent)]}" if live else f"{percent:3}% ?"


def _forecast(account: AccountView, window: WindowView, page: Page) -> str:
    if not account.live:
        return ""
    if window.utilization >= FULL:
        return "limit hit"
    found = window.forecast
    if found is None:
        return ""
    if found.full_at:
        return f"full {page.clock(found.full_at)}"
    return f"{found.ends_at_percent}% at reset"


def _credits_row(money: Credits, look: Look, *, live: bool) -> Row:
    percent = None
    if money.used is not None and money.limit:
        percent = min(FULL, money.used * FULL // money.limit)
    short, long = ("org credits", "Usage credits (organization)") if money.shared else _CREDITS
    return Row(
        _name(long, short, look),
        percent,
        "" if percent is None else _used(percent, live=live),
        (f"{_spent(money, look)} {look.clean(money.currency)}", ""),
        "" if money.enabled else _reason(money, look),
        live=live,
    )


def _reason(money: Credits, look: Look) -> str:
    """Return why credits are off, in a few letters: the forecasts share that column."""
    reason = look.clean((money.reason or "off").replace("_", " "))
    return reason if look.columns >= ROOMY else look.shorten(reason, _ASIDE)


def _pool_row(pool: Pool, page: Page, *, live: bool) -> Row:
    look = page.look
    # Used up until it expires, but no limit that anybody hits: it raises no mark.
    used = "" if pool.utilization is None else f"{pool.utilization:3}%{'' if live else ' ?'}"
    money = _spent(pool, look) if pool.limit is not None or pool.used is not None else ""
    return Row(
        _name(pool.title, look.shorten(look.clean(pool.title), _ASIDE), look),
        pool.utilization,
        used,
        (f"{money} {look.clean(pool.currency)}" if money else look.missing, ""),
        f"expires {day(pool.expires_at, page.zone)}" if pool.expires_at else "",
        live=live,
        is_limit=False,
    )


def _saved_resets_row(saved: SavedResets, page: Page, *, live: bool) -> Row:
    when = ("", "")
    if ends := saved.ends_at:
        left = ends - page.now
        when = (page.clock(ends), f"ends in {countdown(left)}" if left > timedelta(0) else "ended")
    name = _name("Saved limit resets", "saved resets", page.look)
    return Row(name, None, f"{saved.left} left", when, live=live)


def _spent(money: Credits | Pool, look: Look) -> str:
    used, limit = (
        look.missing if amount is None else format_amount(amount, money.exponent)
        for amount in (money.used, money.limit)
    )
    return used if money.limit is None else f"{used} of {limit}"


def _aligned(rows: Sequence[Row], page: Page) -> list[str]:
    """Return the header and a line for each row, bars as long as the page lets them be."""
    columns = _fitting(rows, page.look)
    bars = _bar_cells(columns, page.look)
    lines = [
        (row.name, _used_cell(row, bars, page.look), reset, forecast)
        for row, reset, forecast in zip(rows, columns.resets, columns.forecasts, strict=True)
    ]
    headings = HEADINGS if any(columns.forecasts) else (*HEADINGS[:-1], "")
    header, *below = aligned([headings, *lines])
    live = [
        page.look.paint(line, *([] if row.live else [DIM]))
        for line, row in zip(below, rows, strict=True)
    ]
    return [INDENT + page.look.paint(header, DIM), *(INDENT + line for line in live)]


def _fitting(rows: Sequence[Row], look: Look) -> Columns:
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
    return next((c for c in choices if _taken(c) <= look.columns), choices[-1])


def _bar_cells(columns: Columns, look: Look) -> int:
    """Return how long bars may be; 0 where there is no room for any that says something."""
    room = look.columns - _taken(columns) - len(_BETWEEN)
    return min(room, MAX_BAR) if room >= MIN_BAR else 0


def _taken(columns: Columns) -> int:
    """Return how many columns of a terminal a line takes, without a bar."""
    widths = [
        max(map(width, (heading, *column))) if any(column) else 0
        for heading, column in zip(HEADINGS, columns, strict=True)
    ]
    return len(INDENT) + sum(widths) + len(_BETWEEN) * (sum(map(bool, widths)) - 1)


def _used_cell(row: Row, cells: int, look: Look) -> str:
    if not cells:
        return row.used
    if row.percent is None:
        return f"{' ' * cells}  {row.used}"
    colours = COLOURS[level(row.percent) if row.is_limit else "normal"]
    drawn = bar(row.percent, cells, look, colours=colours if row.live else None)
    return f"{drawn}  {look.paint(row.used, *colours) if row.live else row.used}"
