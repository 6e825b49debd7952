"""Where lines of a chart run through the same cells: each is shown there by turns, as in a rope.

Without this the line that is drawn last would hide the others.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from cldmon.domain.model import FULL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cldmon.domain.series import Line

TURN = 2
"""So many columns a line is shown before it is another's turn."""
_REACH = 0.45
"""How far to both sides of a column's middle a line is drawn in it, in columns."""


def turns(
    lines: Sequence[Sequence[Line]], since_ms: int, until_ms: int, size: tuple[int, int]
) -> Iterator[tuple[int, Line]]:
    """Yield pieces to be drawn over the lines: of which line, and a few points of it.

    Each line is given as its connected parts; `size` is the canvas in columns and rows.
    """
    columns, rows = size
    step = (until_ms - since_ms) / max(1, columns - 1)
    for column in range(columns):
        middle = since_ms + column * step
        heights = {
            number: height
            for number, parts in enumerate(lines)
            if (height := _height(parts, middle)) is not None
        }
        for sharing in _cells(heights, rows).values():
            if len(sharing) > 1:
                number = sharing[column // TURN % len(sharing)]
                yield number, list(_piece(lines[number], middle, _REACH * step))


def _cells(heights: Mapping[int, float], rows: int) -> dict[int, list[int]]:
    """Return which lines are in each row of a column."""
    found: dict[int, list[int]] = {}
    for number, height in heights.items():
        found.setdefault(round(height * (rows - 1) / FULL), []).append(number)
    return found


def _piece(parts: Sequence[Line], middle: float, reach: float) -> Iterator[tuple[int, int]]:
    for ms in (middle - reach, middle, middle + reach):
        if (height := _height(parts, ms)) is not None:
            yield round(ms), round(height)


def _height(parts: Sequence[Line], ms: float) -> float | None:
    """Return the percentage of a line at an instant, None where there is a gap."""
    number = bisect_right(parts, ms, key=lambda part: part[0][0]) - 1
    if number < 0 or parts[number][-1][0] < ms:
        return None
    part = parts[number]
    after = bisect_left(part, ms, key=lambda reading: reading[0])
    (x2, y2), (x1, y1) = part[after], part[max(0, after - 1)]
    return y1 + (y2 - y1) * (ms - x1) / (x2 - x1) if x2 > x1 else float(y2)
