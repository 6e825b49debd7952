"""Charts of the history: a small panel for each account, 0 to 100 %, time from left to right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

from cldmon.domain import series
from cldmon.domain.downsampling import downsample_line
from cldmon.domain.events import EventKind
from cldmon.domain.instants import to_ms
from cldmon.domain.windows import FULL, short_title
from cldmon.terminal.plot import PlottedSeries, plot
from cldmon.terminal.style import BOLD, DIM, GREEN, RED, YELLOW, pad, width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set
    from datetime import tzinfo

    from cldmon.domain.events import Event
    from cldmon.domain.ranges import Span
    from cldmon.domain.series import Line, Point
    from cldmon.terminal.style import Terminal

MIN_COLUMNS = 80
"""Panels are placed side by side if each has at least this many columns."""
MIN_ROWS = 10
MAX_ROWS = 24
_GUTTER = 2
_MS = timedelta(milliseconds=1)
_BLUE, _MAGENTA, _CYAN = "34", "35", "36"


@dataclass(frozen=True, slots=True)
class Frame:
    """What charts are drawn in: `rows` of a terminal. `zone` None is the system's."""

    span: Span
    interval: timedelta
    terminal: Terminal
    rows: int
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True)
class SeriesStyle:
    """How a series is drawn and shown in the legend, each with and without Unicode."""

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
"""How each kind is marked, its name in the legend, and the percentage it is drawn at."""


def draw_charts(
    accounts: Mapping[str, Sequence[Point]],
    windows: Sequence[str],
    frame: Frame,
    events: Sequence[Event] = (),
    left_out: Sequence[str] = (),
) -> str:
    """Return a panel for each account, with its readings of these windows, hits and resets.

    Each panel names those of its windows that are `left_out`.
    """
    beside = max(1, min(len(accounts), frame.terminal.columns // MIN_COLUMNS))
    columns = (frame.terminal.columns - (beside - 1) * _GUTTER) // beside
    below = -(-len(accounts) // beside)
    # One line of each panel's share stays free: between panels, or for the prompt.
    height = min(MAX_ROWS, max(MIN_ROWS, frame.rows // max(1, below) - 1))
    styles = {name: _STYLES[number % len(_STYLES)] for number, name in enumerate(windows)}
    panels = [
        _draw_panel(
            label,
            points,
            [e for e in events if e.label == label and e.window in styles and e.kind in _MARKS],
            [name for name in left_out if series.has_any(points, [name])],
            styles,
            frame,
            columns,
            height,
        )
        for label, points in accounts.items()
    ]
    bands = [
        "\n".join(
            (" " * _GUTTER).join(pad(part, columns) for part in parts).rstrip()
            for parts in zip_longest(*panels[n : n + beside], fillvalue="")
        )
        for n in range(0, len(panels), beside)
    ]
    return "\n\n".join(bands)


def _draw_panel(
    label: str,
    points: Sequence[Point],
    events: Sequence[Event],
    left_out: Sequence[str],
    styles: Mapping[str, SeriesStyle],
    frame: Frame,
    columns: int,
    rows: int,
) -> list[str]:
    """Return the lines of one panel: head, plot, time axis."""
    terminal, length = frame.terminal, frame.span.length
    lines = {name: found for name in styles if (found := series.select_line(points, name))}
    kinds = {event.kind for event in events}
    head = _format_head(label, lines, styles, kinds, left_out, terminal, columns)
    silence = series.compute_max_gap(series.iter_steps(points), frame.interval)
    longest_ms = max(silence, length / columns) / _MS
    column_ms = max(1, int(length / _MS / columns))
    plotted = [
        PlottedSeries(
            terminal.pick(*styles[name].glyph),
            styles[name].colour,
            [downsample_line(part, column_ms) for part in series.split_at_gaps(line, longest_ms)],
        )
        for name, line in lines.items()
    ]
    for kind, (style, _, percent) in _MARKS.items():
        spots = [(to_ms(event.at), percent) for event in events if event.kind is kind]
        glyph = terminal.pick(*style.glyph)
        plotted.append(PlottedSeries(glyph, style.colour, [spots], connected=False))
    return [*head, *plot(plotted, frame.span, columns, rows - len(head), terminal, frame.zone)]


def _format_head(
    label: str,
    lines: Mapping[str, Line],
    styles: Mapping[str, SeriesStyle],
    kinds: Set[EventKind],
    left_out: Sequence[str],
    terminal: Terminal,
    columns: int,
) -> list[str]:
    """Return the account's label and the legend, on as many lines as they need.

    The legend has each window with its lowest and highest value, the marks in the plot, and the
    windows that are left out.
    """
    longest = max(8, terminal.columns // 2 - 20)

    def title(name: str) -> str:
        return terminal.fit(short_title(name), longest)

    items = []
    for name, line in lines.items():
        percents = [percent for _, percent in line]
        least, most = min(percents), max(percents)
        extent = f"{least}%" if least == most else f"{least}{terminal.pick('–', '-')}{most}%"
        items.append((styles[name], f"{title(name)} {extent}"))
    items += [(style, words) for kind, (style, words, _) in _MARKS.items() if kind in kinds]
    shown = [
        f"{terminal.colourize(terminal.pick(*style.sample), style.colour)} {text}"
        for style, text in items
    ]
    shown += [terminal.colourize(f"without {title(name)}", DIM) for name in left_out]
    head = [terminal.colourize(terminal.fit(label, columns), BOLD)]
    for item in shown:
        if width(head[-1] + "   " + item) <= columns:
            head[-1] += "   " + item
        else:
            head.append("  " + item)
    return head
