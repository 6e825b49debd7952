"""What may be the name of an account."""

from __future__ import annotations

from cldmon.domain.secret import looks_secret

MAX_LENGTH = 80
_JOINERS = {"\u200c", "\u200d"} | {chr(code) for code in range(0xE0020, 0xE0080)}
"""Invisible, yet part of emoji and of some scripts."""
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def problem(label: object) -> str | None:
    """Return what is wrong with an account's label and what it has to be, or None."""
    if not isinstance(label, str):
        return "expected a string in quotes"
    if not label.strip():
        return "is empty; give the account a name"
    if len(label) > MAX_LENGTH:
        return f"is {len(label)} characters long; at most {MAX_LENGTH} are allowed"
    if not printable(label):
        return "holds a control character; use printable characters only"
    if looks_secret(label):
        return "holds a secret, and a label is shown everywhere; give the account a name"
    return None


def printable(text: str) -> bool:
    """Return whether a text is one printable line: it cannot upset a terminal, a table or a log."""
    if text.isascii():
        return text.isprintable()
    import unicodedata  # takes longer to load than most labels take to judge

    return all(c in _JOINERS or unicodedata.category(c) not in _UNPRINTABLE for c in text)
