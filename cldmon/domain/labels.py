"""The labels of accounts: what may be one, and which are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.domain.secret import looks_secret
from cldmon.domain.text import is_printable
from cldmon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

MAX_LENGTH = 80


def find_label_problem(label: object) -> str | None:
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


def select_labels(wanted: Collection[str], known: Sequence[str]) -> list[str]:
    """Return the known labels that are wanted, in their own order; all of them if none is wanted.

    Raises UsageError for an unknown label.
    """
    for label in wanted:
        if label not in known:
            raise UsageError(
                f"no account {label!r} in the config; it has: {', '.join(known) or 'none'}"
            )
    return [label for label in known if not wanted or label in wanted]
