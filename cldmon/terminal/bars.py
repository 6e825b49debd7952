"""Bars that say how much of a window is used, with and without colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.windows import FULL
from cldmon.terminal.style import BOLD, DIM, GREEN, RED, YELLOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cldmon.terminal.style import Terminal

COLOURS = {
    "normal": (GREEN,),
    "high": (YELLOW,),
    "critical": (RED, BOLD),
    "full": (RED, BOLD),
}


def draw_bar(percent: int, cells: int, terminal: Terminal, *, colours: Sequence[str] | None) -> str:
    """Return a bar of so many cells; an old reading's, without colours, is drawn paler.

    Something used shows in one cell at least, and one cell at least is empty below 100 %.
    """
    used = count_filled_cells(percent, cells)
    rest = terminal.pick("░", ".") * (cells - used)
    if colours is None:
        return terminal.pick("▒", ":") * used + terminal.pick("·", ".") * (cells - used)
    return terminal.paint(terminal.pick("█", "#") * used, *colours) + terminal.paint(rest, DIM)


def count_filled_cells(percent: int, cells: int) -> int:
    """Return how many of the cells are filled."""
    if percent <= 0:
        return 0
    if percent >= FULL:
        return cells
    return min(max(1, round(percent * cells / FULL)), cells - 1)
