"""The abilities of a terminal, and text that fits them: width, colour, Unicode."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple, TextIO

from cldmon.domain.text import replace_unprintable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_COLUMNS = 80
DEFAULT_ROWS = 24

BOLD = "1"
DIM = "2"
RED = "31"
GREEN = "32"
YELLOW = "33"

MARKS = {"normal": "", "high": "!", "critical": "!!", "full": "!!"}
"""Levels without colour."""

_SGR = re.compile(r"\x1b\[[0-9;]*m")
_JOINER = "\N{ZERO WIDTH JOINER}"


class Terminal(NamedTuple):
    """What the output stream can show: its columns, colour, Unicode; its rows if it is a screen.

    Not a dataclass, because importing that module would slow down the one-line format.
    """

    columns: int
    colour: bool
    unicode: bool
    rows: int | None = None

    def colourize(self, text: str, *codes: str) -> str:
        """Return a text in the colours of these SGR codes, or unchanged without colour."""
        if not (self.colour and codes and text):
            return text
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m"

    def clean(self, text: str) -> str:
        """Return a text from outside as one line that cannot control the terminal."""
        safe = sanitize(text)
        return safe if self.unicode else safe.encode("ascii", "replace").decode()

    def fit(self, text: str, columns: int) -> str:
        """Return a text from outside as `clean` does, cut to `columns` columns."""
        return self.shorten(self.clean(text), columns)

    def paragraph(self, text: str, first: str = "", below: str = "") -> str:
        """Return a text from outside, wrapped to the terminal's width, with a prefix on each line.

        A word that is longer than a line, such as a path, is not split, so that it can be copied.
        """
        lines, gap = [first], ""
        for word in self.clean(text).split():
            if gap and width(lines[-1]) + 1 + width(word) > self.columns:
                lines.append(below)
                gap = ""
            lines[-1] += gap + word
            gap = " "
        return "\n".join(lines)

    def pick(self, pretty: str, plain: str) -> str:
        """Return the Unicode form of a symbol, or its ASCII one."""
        return pretty if self.unicode else plain

    @property
    def missing(self) -> str:
        """The placeholder for a missing value."""
        return self.pick("–", "-")

    @property
    def separator(self) -> str:
        """What stands between facts on one line."""
        return self.pick(" · ", " - ")

    def shorten(self, text: str, columns: int) -> str:
        """Return a text cut to `columns` columns, with `…` at the end."""
        if width(text) <= columns:
            return text
        dots = self.pick("…", "~")
        while text and width(text) > columns - 1:
            text = text[:-1]
        return text.rstrip(_JOINER) + dots


def sanitize(text: str) -> str:
    """Return a text from outside as one line that can't control a terminal or fake another line."""
    return replace_unprintable(text, "\N{REPLACEMENT CHARACTER}")


def detect_terminal(stream: TextIO, env: Mapping[str, str]) -> Terminal:
    """Return what a stream can show.

    NO_COLOR and a dumb terminal mean no colour; FORCE_COLOR and CLICOLOR_FORCE enable it even in a
    pipe. COLUMNS overrides the terminal's own width; a pipe is 80 wide.
    """
    if env.get("NO_COLOR"):
        colour = False
    elif any(env.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        colour = True
    else:
        colour = supports_escape_codes(stream, env)
    # Python writes UTF-8 even in the C locale, but people who choose that locale want ASCII.
    locale = env.get("LC_ALL") or env.get("LANG") or ".UTF-8"
    encodings = (stream.encoding or "", locale.partition(".")[2].partition("@")[0])
    unicode = all(each.replace("-", "").lower() == "utf8" for each in encodings)
    rows = count_rows(stream, env) if stream.isatty() else None
    return Terminal(count_columns(stream, env), colour, unicode, rows)


def supports_escape_codes(stream: TextIO, env: Mapping[str, str]) -> bool:
    """Return whether a stream is a terminal that understands escape codes."""
    return stream.isatty() and env.get("TERM", "dumb") != "dumb"


def count_rows(stream: TextIO, env: Mapping[str, str]) -> int:
    """Return how many rows a stream's terminal has: LINES overrides it, and a pipe has 24."""
    return _read_size(stream, env, "LINES", 1) or DEFAULT_ROWS


def count_columns(stream: TextIO | None, env: Mapping[str, str]) -> int:
    """Return how wide a stream's terminal is: COLUMNS overrides it, and a pipe is 80 wide."""
    return _read_size(stream, env, "COLUMNS", 0) or DEFAULT_COLUMNS


def _read_size(stream: TextIO | None, env: Mapping[str, str], variable: str, axis: int) -> int:
    override = env.get(variable, "")
    if override.isdecimal() and int(override) > 0:
        return int(override)
    try:
        return os.get_terminal_size(stream.fileno() if stream else -1)[axis]
    except (OSError, ValueError):
        return 0


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes, ignoring colour codes.

    Combining marks take none, and wide letters two.
    """
    text = _SGR.sub("", text)
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    columns, joined = 0, False
    for c in text:
        if not joined and category(c) not in ("Mn", "Me", "Cf"):
            columns += 2 if east_asian_width(c) in "WF" else 1
        joined = c == _JOINER
    return columns


def format_amount(minor: int, exponent: int) -> str:
    """Return an amount in minor units with its decimals: `12.75`."""
    whole, rest = divmod(minor, 10**exponent)
    return f"{whole}.{rest:0{exponent}}" if exponent else str(whole)


def align_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells, coloured or not, as lines with aligned columns."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(pad, row, widths)).rstrip() for row in rows]


def pad(text: str, columns: int) -> str:
    """Return a text, coloured or not, padded with spaces to `columns` columns."""
    return text + " " * (columns - width(text))
