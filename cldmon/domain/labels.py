"""Which accounts are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def select_labels(wanted: Collection[str], known: Sequence[str]) -> list[str]:
    """Return the known labels that are wanted, in their own order; all of them where none is.

    Raises UsageError for a label that is not known.
    """
    for label in wanted:
        if label not in known:
            there = ", ".join(known) or "none"
            raise UsageError(f"no account {label!r} in the config; it has: {there}")
    return [label for label in known if not wanted or label in wanted]
