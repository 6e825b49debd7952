"""Charts of the history: a small panel for each account, 0 to 100 %, time from left to right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

from cldmon.domain import series
from cldmon.domain.downsampling import downsample_line
from cldmon.domain.events import EventKind
from cldmon.domain.model import FULL, short_title
from cldmon.terminal.plot import PlottedSeries, plot
from cldmon.terminal.style import BOLD, GREEN, RED, YELLOW, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from cldmon.domain.ranges import Span
    from cldmon.domain.series import Line, Point
    from cldmon.terminal.style import Terminal

MIN_COLUMNS = 80
"""Panels stand side by side where each has so many columns."""
MIN_ROWS = 10
MAX_ROWS = 24
_GUTTER = 2
_SGR = re.compile(r"\x1b\[[0-9;]*m")
_BLUE, _MAGENTA, _CYAN = "34", "35", "36"


@dataclass(frozen=True, slots=True)
class Frame:
    """What charts are drawn in: `rows` of a terminal; `zone` None is the system's."""

    span: Span
    interval: timedelta
    terminal: Terminal
    rows: int
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True)
class SeriesStyle:
    """How something is drawn, and how the legend shows it: each with Unicode and without."""

    colour: str
    glyph: tuple[str, str]
    sample: tuple[str, str]


_STYLES = (
    SeriesStyle(_CYAN, ("braille", "*"), ("⠤⠤", "**")),
    SeriesStyle(_MAGENTA, ("•", "o"), ("••", "oo")),
    SeriesStyle(YELLOW, ("+", "+"), ("++", "++")),
    SeriesStyle(GREEN, ("x", "x"), ("xx", "xx")),
    SeriesStyle(_BLUE, ("°", "."), ("°°", "..")),
    SeriesStyle(_CYAN, ("▪", "#"), ("▪▪", "##")),
    SeriesStyle(_MAGENTA, ("=", "="), ("==", "==")),
    SeriesStyle(YELLOW, ("~", "~"), ("~~", "~~")),
)
_MARKS = {
    EventKind.LIMIT_HIT: (SeriesStyle(RED, ("▲", "^"), ("▲", "^")), "limit hit", FULL),
    EventKind.USAGE_RESET: (SeriesStyle(GREEN, ("▼", "v"), ("▼", "v")), "reset", 0),
}
"""How each kind is marked, what it is called, and at which percent it stands."""


def draw_charts(
    accounts: Mapping[str, Sequence[Point]], windows: Sequence[str], frame: Frame
) -> str:
    """Return a panel for each account with its readings of these windows."""
    beside = max(1, min(len(accounts), frame.terminal.columns // MIN_COLUMNS))
    columns = (frame.terminal.columns - (beside - 1) * _GUTTER) // beside
    below = -(-len(accounts) // beside)
    # One line of each panel's share stays free: between panels, or for the prompt.
    height = min(MAX_ROWS, max(MIN_ROWS, frame.rows // max(1, below) - 1))
    styles = {name: _STYLES[number % len(_STYLES)] for number, name in enumerate(windows)}
    panels = [_draw_panel(*account, styles, frame, columns, height) for account in accounts.items()]
    bands = [panels[n : n + beside] for n in range(0, len(panels), beside)]
    return "\n\n".join("\n".join(_join_panels(band, columns)) for band in bands)


def _join_panels(panels: Sequence[Sequence[str]], columns: int) -> Iterator[str]:
    for parts in zip_longest(*panels, fillvalue=""):
        padded = [part + " " * (columns - _visible_width(part)) for part in parts[:-1]]
        yield (" " * _GUTTER).join([*padded, parts[-1]]).rstrip()


def _draw_panel(
    label: str,
    points: Sequence[Point],
    styles: Mapping[str, SeriesStyle],
    frame: Frame,
    columns: int,
    rows: int,
) -> list[str]:
    """Return the lines of one panel: whose it is and what it shows, the plot, the time axis."""
    lines = {name: found for name in styles if (found := series.line(points, name))}
    marks = series.marks(lines.values())
    head = _format_head(
        label,
        [
            *_describe_windows(lines, styles, frame.terminal),
            *_describe_marks(marks, frame.terminal),
        ],
        frame,
        columns,
    )
    silence = series.longest_silence(series.steps_of(points), frame.interval)
    longest = max(silence, frame.span.length / columns)
    plotted = [
        *(_plot_line(line, styles[name], frame, columns, longest) for name, line in lines.items()),
        *(_plot_marks(kind, marks, frame.terminal) for kind in EventKind),
    ]
    return [
        *head,
        *plot(plotted, frame.span, columns, rows - len(head), frame.terminal, frame.zone),
    ]


def _format_head(label: str, items: Sequence[str], frame: Frame, columns: int) -> list[str]:
    """Return the account's label and the legend, on as many lines as they need."""
    terminal = frame.terminal
    head = [terminal.paint(terminal.shorten(terminal.clean(label), columns), BOLD)]
    for item in items:
        if _visible_width(head[-1] + "   " + item) <= columns:
            head[-1] += "   " + item
        else:
            head.append("  " + item)
    return head


def _describe_windows(
    lines: Mapping[str, Line], styles: Mapping[str, SeriesStyle], terminal: Terminal
) -> Iterator[str]:
    """Yield what the legend says of each window: how it is drawn, its least and most."""
    for name, line in lines.items():
        percents = [percent for _, percent in line]
        least, most = min(percents), max(percents)
        extent = f"{least}%" if least == most else f"{least}{terminal.pick('–', '-')}{most}%"
        title = terminal.shorten(
            terminal.clean(short_title(name)), max(8, terminal.columns // 2 - 20)
        )
        yield f"{_paint_sample(styles[name], terminal)} {title} {extent}"


def _describe_marks(marks: Sequence[series.Mark], terminal: Terminal) -> Iterator[str]:
    for kind, (style, words, _) in _MARKS.items():
        if any(mark.kind is kind for mark in marks):
            yield f"{_paint_sample(style, terminal)} {words}"


def _paint_sample(style: SeriesStyle, terminal: Terminal) -> str:
    return terminal.paint(terminal.pick(*style.sample), style.colour)


def _plot_line(
    line: Line, style: SeriesStyle, frame: Frame, columns: int, longest: timedelta
) -> PlottedSeries:
    parts = series.segments(line, longest / timedelta(milliseconds=1))
    column_ms = max(1, int(frame.span.length / timedelta(milliseconds=1) / columns))
    thinned = [downsample_line(part, column_ms) for part in parts]
    return PlottedSeries(frame.terminal.pick(*style.glyph), style.colour, thinned)


def _plot_marks(kind: EventKind, marks: Sequence[series.Mark], terminal: Terminal) -> PlottedSeries:
    style, _, percent = _MARKS[kind]
    spots = [(mark.at_ms, percent) for mark in marks if mark.kind is kind]
    return PlottedSeries(terminal.pick(*style.glyph), style.colour, [spots], connected=False)


def _visible_width(text: str) -> int:
    """Return how many columns a text takes, colours aside."""
    return width(_SGR.sub("", text))
