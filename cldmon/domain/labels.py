"""Choosing accounts by label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cldmon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


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
