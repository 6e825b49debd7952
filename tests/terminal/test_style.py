"""What a stream can show, and how wide a text is."""

from __future__ import annotations

import io
import os
import pty
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.terminal.style import Terminal, align_columns, detect_terminal, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO

PLAIN = Terminal(80, colour=False, unicode=True)


def pipe(encoding: str = "utf-8") -> TextIO:
    return io.TextIOWrapper(io.BytesIO(), encoding)


@pytest.fixture
def pseudo_terminal() -> Iterator[TextIO]:
    ours, theirs = pty.openpty()
    with open(theirs, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor
        yield stream
    os.close(ours)


@pytest.mark.parametrize(
    ("env", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_a_terminal_has_colour_unless_it_is_refused(
    pseudo_terminal: TextIO, env: Mapping[str, str], coloured: bool
) -> None:
    assert detect_terminal(pseudo_terminal, env).colour is coloured


@pytest.mark.parametrize(
    ("env", "coloured"),
    [
        ({"TERM": "xterm"}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_a_pipe_has_colour_only_if_it_is_forced(env: Mapping[str, str], coloured: bool) -> None:
    assert detect_terminal(pipe(), env).colour is coloured


@pytest.mark.parametrize(
    ("encoding", "env", "unicode"),
    [
        ("utf-8", {}, True),
        ("UTF8", {"LANG": "de_DE.UTF-8"}, True),
        ("utf-8", {"LANG": "C.utf8"}, True),
        ("utf-8", {"LANG": "ca_ES.UTF-8@valencia"}, True),
        ("utf-8", {"LANG": "C"}, False),
        ("utf-8", {"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),
        ("utf-8", {"LANG": "de_DE.UTF-8", "LC_ALL": "POSIX"}, False),
        ("ascii", {"LANG": "de_DE.UTF-8"}, False),
        ("iso8859-1", {"LANG": "de_DE"}, False),
    ],
)
def test_unicode_needs_a_utf_8_locale(encoding: str, env: Mapping[str, str], unicode: bool) -> None:
    """In the C locale Python writes UTF-8, and sets LC_CTYPE accordingly."""
    assert detect_terminal(pipe(encoding), env).unicode is unicode


@pytest.mark.parametrize(
    ("env", "columns"), [({}, 80), ({"COLUMNS": "132"}, 132), ({"COLUMNS": "0"}, 80)]
)
def test_a_pipe_is_80_columns_wide_by_default(env: Mapping[str, str], columns: int) -> None:
    assert detect_terminal(pipe(), env).columns == columns


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("数据", 4), ("🎉", 2), ("é", 1), ("e\u0301", 1), ("👩\u200d💻", 2), ("", 0)],
)
def test_the_width_of_a_text_is_that_on_a_terminal(text: str, columns: int) -> None:
    assert width(text) == columns


@given(st.text(), st.integers(1, 40))
def test_a_shortened_text_fits_and_a_short_one_stays(text: str, columns: int) -> None:
    short = PLAIN.shorten(text, columns)
    assert width(short) <= columns
    assert short == text or short.endswith("…")


def test_columns_align_with_wide_and_painted_text() -> None:
    rows = [("a", "x"), ("数据", "x"), ("\x1b[31mred\x1b[0m", "x")]
    assert [line.index("x") for line in align_columns(rows)] == [6, 4, 15]
    assert align_columns([("a", ""), ("b", "")]) == ["a", "b"]


def test_a_paragraph_is_broken_between_words_and_never_in_one() -> None:
    """So that a path can be copied."""
    narrow = Terminal(20, colour=False, unicode=True)
    text = narrow.paragraph("数据 is at /a/path/that/is/long and --so-on", "x ", "  ")
    assert text.split("\n") == ["x 数据 is at", "  /a/path/that/is/long", "  and --so-on"]
    assert narrow.paragraph("", "x ") == "x "


@given(st.text(), st.integers(1, 100))
def test_a_paragraph_has_every_word_and_fits_if_words_do(text: str, columns: int) -> None:
    place = Terminal(columns, colour=False, unicode=True)
    lines = place.paragraph(text, "> ", "  ").split("\n")
    assert " ".join(lines).split()[1:] == place.clean(text).split()
    assert all(width(line) <= columns or len(line[2:].split()) <= 1 for line in lines)
