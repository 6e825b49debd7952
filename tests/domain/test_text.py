"""Which characters are printable, and how others are replaced."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.text import is_printable, replace_unprintable


@pytest.mark.parametrize(
    "text",
    ["", "alice", "Ünï 日本", "مرحبا", "🦊", "👩\u200d💻", "🏴\U000e0067\U000e007f", "\U00018d09"],
)
def test_letters_of_every_script_and_emoji_are_printable(text: str) -> None:
    assert is_printable(text)
    assert replace_unprintable(text, "?") == text


@pytest.mark.parametrize(
    "char",
    ["\n", "\t", "\x00", "\x1b", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066", "\ufeff", "\udc80"],
)
def test_what_steers_a_terminal_breaks_or_reorders_a_line_is_not(char: str) -> None:
    assert not is_printable(char)
    assert not is_printable(f"é{char}")
    assert replace_unprintable(f"a{char}b", "?") == "a?b"
    assert replace_unprintable(f"a{char}b", "") == "ab"


@given(st.text())
def test_what_is_left_is_printable(text: str) -> None:
    line = replace_unprintable(text, "\N{REPLACEMENT CHARACTER}")
    assert is_printable(line)
    assert len(line) == len(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in line)
