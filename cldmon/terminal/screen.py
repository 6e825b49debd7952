"""A terminal's alternate screen, for output that is redrawn in place."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from cldmon.terminal.style import Terminal

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
"""Alternate screen on, cursor and line wrapping off."""
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME = "\x1b[H"
_TO_LINE_END = "\x1b[K"
_TO_SCREEN_END = "\x1b[J"
_SIGNALS = (signal.SIGWINCH, signal.SIGTSTP)


class Screen:
    """A terminal's alternate screen, in use while `open`. Ctrl-Z leaves it temporarily."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def open(self) -> Iterator[None]:
        """Switch to the screen, and restore the terminal when the block ends for any reason."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            self._write(_ENTER)
            yield
        finally:
            self._write(_LEAVE)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def draw(self, text: str, terminal: Terminal) -> None:
        """Show a text from the top of the screen, in one write to avoid flicker."""
        rows = os.get_terminal_size(self._stream.fileno()).lines
        self._write(render_frame(text, rows, terminal))

    def wait(self, seconds: float) -> bool:
        """Wait; return True early if the screen has to be redrawn."""
        woken = signal.sigtimedwait(_SIGNALS, seconds)
        if woken and woken.si_signo == signal.SIGTSTP:
            self._write(_LEAVE)
            os.kill(os.getpid(), signal.SIGSTOP)
            self._write(_ENTER)
        return woken is not None

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def render_frame(text: str, rows: int, terminal: Terminal) -> str:
    """Return what draws a text on `rows` rows; lines that don't fit are cut off and counted."""
    lines = text.splitlines()
    if len(lines) > rows > 1:
        cut = len(lines) - rows + 1
        lines[rows - 1 :] = [terminal.pick(f"… {cut} more lines", f"({cut} more lines)")]
    # Clear first: after a line as wide as the screen, the cursor is on its last letter.
    drawn = "\n".join(_TO_LINE_END + line for line in lines)
    return _HOME + drawn + ("\n" + _TO_SCREEN_END if len(lines) < rows else "")
