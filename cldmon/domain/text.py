"""Text from outside, before it enters a value or a message."""

from __future__ import annotations

from cldmon.domain.secret import mask_secrets

_READ = 4
"""How many times the length that is shown is looked at: what is longer is not text for people."""


def one_line(text: str, longest: int) -> str:
    """Return a text as one printable line of at most `longest` characters, secrets masked."""
    printable = "".join(c if c.isprintable() else " " for c in text[: _READ * longest])
    line = mask_secrets(" ".join(printable.split()))
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"
