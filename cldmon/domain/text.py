"""Sanitizing text from outside, before it enters a value or a message."""

from __future__ import annotations

from cldmon.domain.secret import mask_secrets

_JOINERS = {"\u200c", "\u200d"} | {chr(code) for code in range(0xE0020, 0xE0080)}
"""Invisible, but part of emoji and of some scripts."""
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_READ = 4
"""How many times the displayed length is read: a longer text is not meant for people."""


def is_printable(text: str) -> bool:
    """Return whether a text is one printable line that can't upset a terminal, a table or a log.

    All outputs use this rule. It allows more than `str.isprintable`, which rejects joiners and
    emoji that are newer than the Python version.
    """
    if text.isascii():
        return text.isprintable()
    import unicodedata  # here because it is slow to load and rarely needed

    return all(c in _JOINERS or unicodedata.category(c) not in _UNPRINTABLE for c in text)


def replace_unprintable(text: str, replacement: str) -> str:
    """Return a text as one printable line."""
    if is_printable(text):
        return text
    return "".join(c if is_printable(c) else replacement for c in text)


def one_line(text: str, longest: int) -> str:
    """Return a text as one printable line of at most `longest` characters, secrets masked."""
    printable = replace_unprintable(text[: _READ * longest], " ")
    line = mask_secrets(" ".join(printable.split()))
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"
