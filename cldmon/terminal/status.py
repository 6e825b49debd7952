"""The status table.

Does not use tabulate, which does not know the width of emoji and CJK letters, and takes longer to
load than everything else.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from cldmon.domain.freshness import get_level
from cldmon.domain.instants import format_clock, format_day
from cldmon.domain.summary import NEEDS_ACTION, RECOVERS
from cldmon.domain.windows import FULL
from cldmon.terminal.line import mark_failure
from cldmon.terminal.style import (
    BOLD,
    DIM,
    GREEN,
    MARKS,
    RED,
    YELLOW,
    align_columns,
    format_amount,
    width,
)
from cldmon.terminal.times import format_age, format_countdown, format_duration, format_failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, tzinfo

    from cldmon.domain.freshness import AccountView
    from cldmon.domain.model import Credits, Pool, Reading
    from cldmon.terminal.style import Terminal

INDENT = "  "
BETWEEN = "  "
"""Between two columns, and between a bar and its percentage."""
HEADINGS = ("Window", "Used", "Resets", "Forecast")
MIN_BAR = 6
MAX_BAR = 60
_ASIDE = 14
"""Columns for the text of a row that is not a window, so that windows keep bars and forecasts."""
ROOMY = 110
"""From this many columns on, windows have their long names."""
_COLOURS = {
    "normal": (GREEN,),
    "high": (YELLOW,),
    "critical": (RED, BOLD),
    "full": (RED, BOLD),
}


class Page(NamedTuple):
    """What the table is drawn with. `zone` None is the system's."""

    terminal: Terminal
    now: datetime
    zone: tzinfo | None = None

    def format_clock(self, instant: datetime) -> str:
        """Return an instant as clock time in the reader's zone."""
        return format_clock(instant, self.now, self.zone)


class Row(NamedTuple):
    """A line of the table: a bar, pale if not `live`, or a `note` if there is no `percent`.

    Only a limit (`is_limit`) has a level.
    """

    name: str
    percent: int | None
    resets: tuple[str, str] = ("", "")
    forecast: str = ""
    live: bool = True
    is_limit: bool = True
    note: str = ""

    @property
    def level(self) -> str:
        """How close it is to its limit."""
        return get_level(self.percent or 0) if self.is_limit else "normal"

    @property
    def used(self) -> str:
        """The percentage and its mark."""
        if self.percent is None:
            return self.note
        mark = MARKS[self.level] if self.live else "?"
        return f"{self.percent:3}% {mark}"

    def draw_used(self, cells: int, terminal: Terminal) -> str:
        """Return a bar of `cells` cells and the percentage; the bar is pale if it is not live.

        Above 0 % at least one cell is filled, and below 100 % at least one is empty.
        """
        gap = BETWEEN if cells else ""
        if self.percent is None:
            return " " * cells + gap + self.used
        filled = round(self.percent * cells / FULL)
        if cells and 0 < self.percent < FULL:
            filled = min(max(1, filled), cells - 1)
        if not self.live:
            bar = terminal.pick("▒", ":") * filled + terminal.pick("·", ".") * (cells - filled)
            return bar + gap + self.used
        colours = _COLOURS[self.level]
        bar = terminal.colourize(terminal.pick("█", "#") * filled, *colours)
        rest = terminal.colourize(terminal.pick("░", ".") * (cells - filled), DIM)
        return bar + rest + gap + terminal.colourize(self.used, *colours)


def format_table(views: Sequence[AccountView], page: Page) -> str:
    """Return the accounts, each with its windows below it, no wider than the page."""
    rows = [list(_build_rows(account, page)) for account in views]
    header, *lines = _align_rows(list(chain(*rows)), page.terminal)
    below = iter(lines)
    blocks = [
        "\n".join([*_format_head(account, page), *islice(below, len(own))])
        for account, own in zip(views, rows, strict=True)
    ]
    body = "\n\n".join(blocks)
    return f"{header}\n{body}" if lines else body


def _format_head(account: AccountView, page: Page) -> Iterator[str]:
    """Yield the lines above an account's windows: label, plan, age, and its error."""
    terminal, failure = page.terminal, account.failure
    tone: tuple[str, ...] = () if account.live else (DIM,)
    if account.awaits_report or (account.stale and account.reading and not failure):
        tone = (YELLOW,)
    error_tone = RED if failure and failure.needs_action else YELLOW
    gap = terminal.separator
    rest, who, shortest = gap + describe_age(account), "", 8
    if failure:
        who = gap + (NEEDS_ACTION if failure.needs_action else RECOVERS)
    plan = gap + terminal.clean(account.plan) if account.plan else ""
    if width(plan + rest + who) + shortest <= terminal.columns:
        rest = plan + rest
    room = max(shortest, terminal.columns - width(rest + who))
    label = terminal.fit(account.label, room)
    yield (
        terminal.colourize(label, BOLD)
        + terminal.colourize(rest, *tone)
        + terminal.colourize(who, error_tone)
    )
    if failure:
        error = terminal.paragraph(
            format_failure(failure, page.now, page.zone),
            f"{INDENT}{mark_failure(failure, terminal)} ",
            f"{INDENT}  ",
        )
        for line in error.split("\n"):
            yield INDENT + terminal.colourize(line.removeprefix(INDENT), error_tone)


def describe_age(account: AccountView) -> str:
    """Return when an account was read, and whether that is too long ago."""
    age, failure = account.age, account.failure
    if account.awaits_report:
        return "no report yet" if age is None else f"last report {format_age(age)}"
    if age is None:
        return "never read" if failure else "not read yet"
    if failure:
        return f"last read {format_age(age)}"
    if not account.stale:
        return f"read {format_age(age)}"
    return f"stale, {f'{format_duration(age)} old' if age > timedelta(0) else format_age(age)}"


def _build_rows(account: AccountView, page: Page) -> Iterator[Row]:
    terminal, live = page.terminal, account.live
    for window in account.windows:
        name = _fit_name(window.title, window.short, terminal)
        when = page.format_clock(window.resets_at) if window.resets_at else terminal.missing
        if window.due:
            missing = terminal.missing.rjust(3)
            yield Row(name, None, (when, "reset due"), live=False, note=missing)
            continue
        forecast, left = "", ""
        if window.overdue:
            left = "reset overdue"
        elif window.resets_at:
            left = f"in {format_countdown(window.resets_at - page.now)}"
        if live and window.utilization >= FULL:
            forecast = "limit hit"
        elif live and (found := window.forecast):
            forecast = f"{found.ends_at_percent}% at reset"
            if found.full_at:
                forecast = f"full {page.format_clock(found.full_at)}"
        yield Row(name, window.utilization, (when, left), forecast, live)
    if account.reading:
        yield from _build_money_rows(account.reading, page, live=live)


def _build_money_rows(reading: Reading, page: Page, *, live: bool) -> Iterator[Row]:
    terminal = page.terminal
    if money := reading.credits:
        percent, reason = None, ""
        if money.used is not None and money.limit:
            percent = min(FULL, money.used * FULL // money.limit)
        if not money.enabled:
            reason = terminal.clean((money.reason or "off").replace("_", " "))
            if terminal.columns < ROOMY:
                reason = terminal.shorten(reason, _ASIDE)
        short, long = "credits", "Usage credits"
        if money.shared:
            short, long = "org credits", "Usage credits (organization)"
        amounts = _format_amounts(money, terminal)
        yield Row(_fit_name(long, short, terminal), percent, (amounts, ""), reason, live)
    for pool in reading.pools:
        short = terminal.fit(pool.title, _ASIDE)
        is_known = pool.limit is not None or pool.used is not None
        amounts = _format_amounts(pool, terminal) if is_known else terminal.missing
        expiry = ""
        if pool.expires_at:
            verb = "expires" if pool.expires_at > page.now else "expired"
            expiry = f"{verb} {format_day(pool.expires_at, page.zone)}"
        name = _fit_name(pool.title, short, terminal)
        # A pool is used up until it expires, but it is not a limit, so it has no level.
        yield Row(name, pool.utilization, (amounts, ""), expiry, live, is_limit=False)
    if (saved := reading.saved_resets) and saved.left:
        when = ("", "")
        if ends := saved.ends_at:
            left = ends - page.now
            is_ahead = left > timedelta(0)
            ending = f"ends in {format_countdown(left)}" if is_ahead else "ended"
            when = page.format_clock(ends), ending
        name = _fit_name("Saved limit resets", "saved resets", terminal)
        yield Row(name, None, when, live=live, note=f"{saved.left} left")


def _fit_name(long: str, short: str, terminal: Terminal) -> str:
    name = terminal.clean(long if terminal.columns >= ROOMY else short)
    return terminal.shorten(name, max(12, terminal.columns // 4))


def _format_amounts(money: Credits | Pool, terminal: Terminal) -> str:
    used, limit = (
        terminal.missing if amount is None else format_amount(amount, money.exponent)
        for amount in (money.used, money.limit)
    )
    amounts = used if money.limit is None else f"{used} of {limit}"
    return f"{amounts} {terminal.clean(money.currency)}"


def _align_rows(rows: Sequence[Row], terminal: Terminal) -> list[str]:
    """Return the header and a line for each row, with bars as long as fit.

    A narrow page leaves out the forecasts and, if that is not enough, the clock times.
    """
    names, used = [row.name for row in rows], [row.used for row in rows]
    clocks = max((width(row.resets[0]) for row in rows if row.resets[1]), default=0)
    both = ["  ".join([row.resets[0].ljust(clocks), row.resets[1]]).rstrip() for row in rows]
    left = [row.resets[1] or row.resets[0] for row in rows]
    forecasts, none = [row.forecast for row in rows], [""] * len(rows)
    for resets, shown in ((both, forecasts), (both, none), (left, none)):
        widths = [
            max(map(width, (heading, *column)))
            for heading, column in zip(HEADINGS, (names, used, resets, shown), strict=True)
            if any(column)
        ]
        room = terminal.columns - len(INDENT + BETWEEN.join(" " * each for each in widths))
        if room >= 0:
            break
    cells = min(room - len(BETWEEN), MAX_BAR)
    bars = [row.draw_used(cells if cells >= MIN_BAR else 0, terminal) for row in rows]
    headings = HEADINGS if any(shown) else (*HEADINGS[:-1], "")
    header, *lines = align_columns([headings, *zip(names, bars, resets, shown, strict=True)])
    return [
        INDENT + terminal.colourize(header, DIM),
        *(
            INDENT + terminal.colourize(line, *([] if row.live else [DIM]))
            for line, row in zip(lines, rows, strict=True)
        ),
    ]
