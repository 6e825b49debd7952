"""Values out of JSON that only cldmon writes, each at its type.

A file that was damaged or tampered with is found here, not later in the middle of a pass. Every
function raises TypeError or ValueError for anything else than it names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cldmon.domain.model import from_iso, to_finite

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

T = TypeVar("T")


def check_text(value: object) -> str:
    """Return a text that can be written again: one without lone surrogates."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    value.encode()
    return value


def check_int(value: object) -> int:
    """Return a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a whole number")
    return value


def check_percent(value: object) -> int:
    """Return a utilization as displayed, 0 to 100."""
    if not 0 <= check_int(value) <= 100:
        raise ValueError("not a percentage")
    return check_int(value)


def check_number(value: object) -> float:
    """Return a finite number."""
    found = to_finite(value)
    if found is None:
        raise TypeError("not a number")
    return found


def check_bool(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def parse_instant(value: object) -> datetime:
    """Return the UTC instant that an ISO 8601 text names."""
    found = from_iso(value)
    if found is None:
        raise ValueError("not an instant")
    return found


def optional(check: Callable[[object], T], value: object) -> T | None:
    """Return what `check` makes of a value, and None for null."""
    return None if value is None else check(value)
