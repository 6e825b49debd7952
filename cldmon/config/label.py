"""What may be the name of an account."""

from __future__ import annotations

from cldmon.domain.secret import looks_secret
from cldmon.domain.text import is_printable

MAX_LENGTH = 80


def find_problem(label: object) -> str | None:
    """Return what is wrong with an account's label and what it has to be, or None."""
    if not isinstance(label, str):
        return "expected a string in quotes"
    if not label.strip():
        return "is empty; give the account a name"
    if len(label) > MAX_LENGTH:
        return f"is {len(label)} characters long; at most {MAX_LENGTH} are allowed"
    if not is_printable(label):
        return "holds a control character; use printable characters only"
    if looks_secret(label):
        return "holds a secret, and a label is shown everywhere; give the account a name"
    return None
