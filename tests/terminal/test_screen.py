"""Drawing in place on a terminal's alternate screen."""

from __future__ import annotations

from cldmon.terminal.screen import render_frame
from cldmon.terminal.style import Terminal

PLAIN = Terminal(80, colour=False, unicode=True)


def test_a_frame_clears_the_rest_of_the_previous_one() -> None:
    assert render_frame("a\nb", 24, PLAIN) == "\x1b[H\x1b[Ka\n\x1b[Kb\n\x1b[J"
    assert render_frame("a\nb", 2, PLAIN) == "\x1b[H\x1b[Ka\n\x1b[Kb"


def test_lines_that_do_not_fit_are_cut_and_counted() -> None:
    text = "\n".join("abcdef")
    assert render_frame(text, 6, PLAIN).count("\n") == 5
    assert "… 4 more lines" in render_frame(text, 3, PLAIN)
    assert render_frame(text, 3, PLAIN).count("\n") == 2
