"""One plot on a time axis, drawn by plotext: its only home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cldmon.domain.model import FULL, to_ms
from cldmon.terminal.ticks import find_ticks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from cldmon.domain.ranges import Span
    from cldmon.domain.series import Line
    from cldmon.terminal.style import Terminal

Y_LABEL = len("100%┤")
X_LABEL = 12
"""Columns that a label of the time axis is given, space around it included."""
_AXES = 2
_ROOMY = 11
"""From so many rows on quarters are labelled."""
_PLAIN = str.maketrans("│─┤├┬┴┼└┘┌┐", "|-+++++++++")


@dataclass(frozen=True, slots=True)
class PlottedSeries:
    """Readings drawn with one glyph in one colour (an SGR code): connected within a part."""

    glyph: str
    colour: str
    parts: Sequence[Line]
    connected: bool = True


def plot(
    series: Sequence[PlottedSeries],
    span: Span,
    columns: int,
    rows: int,
    terminal: Terminal,
    zone: tzinfo | None,
) -> list[str]:
    """Return the lines of a plot of 0 to 100 % over a span of time, `rows` high."""
    import plotext

    plotext.terminal.limit(False, False)
    figure = plotext.figure
    # The library has one figure for the whole process.
    figure.clear()
    figure.plot_size(columns, rows)
    figure.theme("simple" if terminal.colour else "colorless")
    figure.axes(False, side=1)
    figure.legend(False)
    _set_rulers(figure, span, columns, rows, zone)
    for each in series:
        _draw(figure, each, to_ms(span.since), plotext.marker, plotext.pixel)
    text = str(figure.build().string(not terminal.colour)).rstrip("\n")
    return (text if terminal.unicode else text.translate(_PLAIN)).split("\n")


def _set_rulers(figure: Any, span: Span, columns: int, rows: int, zone: tzinfo | None) -> None:
    since, until = to_ms(span.since), to_ms(span.until)
    times = find_ticks(since, until, (columns - Y_LABEL) // X_LABEL, zone)
    figure.ruler("x").lim(0, until - since)
    figure.ruler("x").ticks([ms - since for ms, _ in times], [label for _, label in times])
    percents = range(0, FULL + 1, 25 if rows - _AXES >= _ROOMY else 50)
    figure.ruler("y").lim(0, FULL)
    figure.ruler("y").ticks(list(percents), [f"{percent}%" for percent in percents])


def _draw(figure: Any, series: PlottedSeries, since_ms: int, marker: Any, pixel: Any) -> None:
    painted = marker(series.glyph, pixel(foreground=int(series.colour) - 30))
    readings = [reading for part in series.parts for reading in part]
    if not readings:
        return
    signal = figure.signal(
        [ms - since_ms for ms, _ in readings], [percent for _, percent in readings], marker=painted
    )
    first = 0
    for part in series.parts:
        for index in range(first, first + len(part)):
            signal.line(index, series.connected and index > first)
        first += len(part)
    figure.draw(signal.density("full"))
