"""`cldmon history`: usage over time."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from cldmon.cli import complete, options
from cldmon.cli.output import detect_stdout, print_message
from cldmon.domain import ranges
from cldmon.domain.instants import to_ms
from cldmon.domain.labels import select_labels
from cldmon.terminal.times import format_duration, format_span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from cldmon.app.app import App
    from cldmon.domain.ranges import Span
    from cldmon.domain.series import Point

    Accounts = Mapping[str, Sequence[Point]]

FORMATS = ("chart", "table", "json", "csv")
_MAX_READINGS = 30_000
"""In a chart. More would take longer to draw and show nothing new."""


@dataclass(frozen=True, slots=True)
class Query:
    """The folder to read, and the options of the command; empty `labels` or `windows` mean all."""

    folder: Path
    span: Span
    labels: Sequence[str]
    windows: Sequence[str]


@click.command("history")
@click.option(
    "--range",
    "length",
    metavar="SPAN",
    shell_complete=complete.ranges,
    help="How far back: 1h, 5h, 1d, 7d, 30d, 2w or the like.  [default: 5h]",
)
@click.option("--since", metavar="TIME", help="Begin at 2026-03-12, 2026-03-12T09:30, or 2d ago.")
@click.option("--until", metavar="TIME", help="End at such a time, or with that day.")
@options.account
@click.option(
    "--window",
    "windows",
    multiple=True,
    metavar="NAME",
    help="Only this window: 5h, 7d, Fable or the like; may be repeated.",
)
@click.option(
    "--events",
    "of_events",
    is_flag=True,
    help="List what happened: limit hits, resets, changes, errors and gaps; no chart.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
@click.option("--json", "form", flag_value="json", help="Short for --format json.")
@options.server
def command(
    app: App,
    length: str | None,
    since: str | None,
    until: str | None,
    labels: tuple[str, ...],
    windows: tuple[str, ...],
    of_events: bool,
    form: str,
) -> None:
    """Show how much of each limit was used, over time.

    A chart of up to five hours shows every window, a longer one all except the session's; --window
    overrides this. JSON and CSV contain every reading of every window; a table shows the highest
    of each step.
    """
    span = ranges.parse_span(length, since, until, app.now(), None)
    with app.open_history(span) as folder:
        query = Query(folder, span, labels, windows)
        if of_events:
            shown = _print_events(app, query, form)
        elif form == "json":
            shown = _print_json(app, query)
        elif form == "csv":
            shown = _print_csv(app, query)
        else:
            shown = _print_drawn(app, query, form)
    if not shown:
        print_message(f"no readings {format_span(span, None)}; `cldmon fetch` takes one")


def _print_json(app: App, query: Query) -> bool:
    """Print the array that `GET /api/history` returns; return whether it has any readings."""
    from cldmon.domain import series
    from cldmon.store import reader

    since, until = _ends(query)
    if query.labels or query.windows:
        accounts, windows = _read(app, query)
        kept = {label: series.select_windows(points, windows) for label, points in accounts.items()}
        chunks = reader.json_array(reader.format_series(kept))
    else:
        chunks = reader.read_array(query.folder, since, until)
    return _write_json(chunks) > len(b"[]")


def _write_json(chunks: Iterable[bytes]) -> int:
    """Print JSON that comes in chunks; return how many bytes it has."""
    from cldmon.terminal.formats import sanitize_json

    size = 0
    for chunk in sanitize_json(chunks):
        sys.stdout.buffer.write(chunk)
        size += len(chunk)
    sys.stdout.buffer.write(b"\n")
    return size


def _print_csv(app: App, query: Query) -> bool:
    from cldmon.terminal import records

    accounts, windows = _read(app, query)
    lines = records.format_csv_lines(accounts, windows, detect_stdout())
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return bool(accounts)


def _print_events(app: App, query: Query, form: str) -> bool:
    """Print what happened, and where readings are missing; return whether anything is known."""
    from cldmon.domain import series
    from cldmon.store.reader import json_array
    from cldmon.terminal import events as lists

    accounts, windows = _read(app, query)
    found = [
        event
        for event in app.read_events(query.span, query.labels)
        if not query.windows or event.window in windows
    ]
    until_ms = _ends(query)[1]
    gaps = series.find_gaps(accounts, app.outline.interval, until_ms, app.outline.labels)
    entries = lists.merge_entries(found, gaps)
    terminal = detect_stdout()
    if form == "json":
        _write_json(json_array(lists.format_json_lines(entries)))
    elif form == "csv":
        sys.stdout.writelines(f"{line}\n" for line in lists.format_csv_lines(entries, terminal))
    elif entries:
        click.echo(lists.format_table(entries, terminal, None))
    is_known = bool(entries) or any(accounts.values())
    if is_known and not entries:
        print_message(f"nothing happened {format_span(query.span, None)}")
    return is_known


def _print_drawn(app: App, query: Query, form: str) -> bool:
    """Print a chart or a table; return whether there was anything to show."""
    from cldmon.domain import series
    from cldmon.terminal.chart import Frame, draw_charts
    from cldmon.terminal.records import choose_step, format_table
    from cldmon.terminal.style import count_rows

    accounts, every = _read(app, query, most=_MAX_READINGS if form == "chart" else 0)
    windows = every
    if not query.windows:
        windows = ranges.choose_default_windows(windows, query.span.length) or windows
    shown = {label: p for label, p in accounts.items() if series.has_any(p, windows)}
    if not shown:
        return False
    for label in accounts.keys() - shown.keys():
        print_message(f"no readings of {label} {format_span(query.span, None)}")
    terminal, rows = detect_stdout(), count_rows(sys.stdout, app.env)
    frame = Frame(query.span, app.outline.interval, terminal, rows)
    if form == "table":
        drawn = format_table(shown, windows, frame)
        if drawn.count("\n") < sum(map(len, shown.values())):
            step = format_duration(choose_step(query.span.length))
            print_message(f"a row shows the highest values of {step}; --format csv shows all")
    else:
        left_out = [name for name in every if name not in windows]
        drawn = draw_charts(
            shown, windows, frame, [*app.read_events(query.span, query.labels)], left_out
        )
    click.echo(drawn, color=True)
    return True


def _read(app: App, query: Query, most: int = 0) -> tuple[Accounts, list[str]]:
    """Return the readings of the selected accounts (default: all), and the selected windows.

    Configured accounts come first. Unless `most` is 0, the readings are thinned to about that many.
    """
    from cldmon.domain import series
    from cldmon.store import reader

    folder, (since, until) = query.folder, _ends(query)
    interval = app.outline.interval // timedelta(milliseconds=1)
    step = (until - since) * len(query.labels or app.outline.labels) // most if most else 0
    if step <= interval:
        step = 1  # every reading: they are rare enough
    if query.labels:
        accounts = {n: reader.read_series(folder, n, since, until, step) for n in query.labels}
        select_labels([n for n, points in accounts.items() if not points], app.outline.labels)
    else:
        every = reader.read_all_series(folder, since, until, step)
        accounts = {n: every[n] for n in [*app.outline.labels, *every] if n in every}
    windows = series.list_windows(accounts.values())
    if query.windows and windows:
        windows = series.resolve_windows(query.windows, windows)
    return accounts, windows


def _ends(query: Query) -> tuple[int, int]:
    return to_ms(query.span.since), to_ms(query.span.until)
