"""Type checks for values from JSON that only cldmon writes.

A damaged or edited file is detected here, not later in the middle of a pass. Every function
raises TypeError or ValueError for any other value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cldmon.domain.instants import from_iso
from cldmon.domain.percent import to_finite

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

T = TypeVar("T")


def check_text(value: object) -> str:
    """Return a string that can be encoded: one without lone surrogates."""
    if not isinstance(value, str):
        raise TypeError("not a string")
    value.encode()
    return value


def check_int(value: object) -> int:
    """Return an integer."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not an integer")
    return value


def check_percent(value: object) -> int:
    """Return a utilization as displayed, 0 to 100."""
    percent = check_int(value)
    if not 0 <= percent <= 100:
        raise ValueError("not a percentage")
    return percent


def check_exponent(value: object) -> int:
    """Return how many digits of an amount are decimals: no currency has more than four."""
    exponent = check_int(value)
    if not 0 <= exponent <= 4:
        raise ValueError("not a number of decimals")
    return exponent


def check_number(value: object) -> float:
    """Return a finite number."""
    number = to_finite(value)
    if number is None:
        raise TypeError("not a number")
    return number


def check_bool(value: object) -> bool:
    """Return a boolean."""
    if not isinstance(value, bool):
        raise TypeError("not a boolean")
    return value


def parse_instant(value: object) -> datetime:
    """Return the UTC instant of an ISO 8601 text."""
    instant = from_iso(value)
    if instant is None:
        raise ValueError("not an instant")
    return instant


def optional(check: Callable[[Any], T], value: object) -> T | None:
    """Return what `check` returns for a value, or None for null."""
    return None if value is None else check(value)
