"""A plot on a time axis, drawn by plotext."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from cldmon.domain.instants import to_ms
from cldmon.domain.windows import FULL
from cldmon.terminal.ticks import find_ticks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from cldmon.domain.ranges import Span
    from cldmon.domain.series import Line
    from cldmon.terminal.style import Terminal

Y_LABEL = len("100%┤")
X_LABEL = 12
"""Columns for a label of the time axis, including the space around it."""
_AXES = 2
_ROOMY = 11
"""From this many rows on, quarters are labelled."""
_PLAIN = str.maketrans("│─┤├┬┴┼└┘┌┐", "|-+++++++++")


@dataclass(frozen=True, slots=True)
class PlottedSeries:
    """Readings drawn with one glyph in one colour (an SGR code), connected within each part."""

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
    # plotext has one figure per process.
    figure.clear()
    figure.plot_size(columns, rows)
    figure.theme("simple" if terminal.colour else "colorless")
    figure.axes(False, side=1)
    figure.legend(False)
    since, until = to_ms(span.since), to_ms(span.until)
    times = find_ticks(since, until, (columns - Y_LABEL) // X_LABEL, zone)
    figure.ruler("x").lim(0, until - since)
    figure.ruler("x").ticks([ms - since for ms, _ in times], [label for _, label in times])
    percents = range(0, FULL + 1, 25 if rows - _AXES >= _ROOMY else 50)
    figure.ruler("y").lim(0, FULL)
    figure.ruler("y").ticks(list(percents), [f"{percent}%" for percent in percents])
    for each in series:
        readings = [reading for part in each.parts for reading in part]
        if not readings:
            continue
        xs, ys = [ms - since for ms, _ in readings], [percent for _, percent in readings]
        pixel = plotext.pixel(foreground=int(each.colour) - 30)
        signal = figure.signal(xs, ys, marker=plotext.marker(each.glyph, pixel))
        starts = accumulate((len(part) for part in each.parts), initial=0)
        broken = set(starts) if each.connected else range(len(readings))
        for index in range(len(readings)):
            signal.line(index, index not in broken)
        figure.draw(signal.density("full"))
    text = str(figure.build().string(not terminal.colour)).rstrip("\n")
    return (text if terminal.unicode else text.translate(_PLAIN)).split("\n")
