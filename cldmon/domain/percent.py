"""Numbers and percentages in JSON from outside."""

from __future__ import annotations

import math

from cldmon.domain.windows import FULL

_MAX_PERCENT = 1000


def to_finite(value: object) -> float | None:
    """Return a value from JSON if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # an int of hundreds of digits
        return None


def parse_percentage(value: object) -> int | None:
    """Return a value from foreign JSON as a percentage to display, or None if it is not one.

    The service reports a little over 100 if a limit was exceeded; far more is something else.
    """
    percent = to_finite(value)
    if percent is None or not 0 <= percent <= _MAX_PERCENT:
        return None
    return to_displayed_percent(percent)


def to_displayed_percent(percent: float) -> int:
    """Return a percentage as displayed: rounded half up, and at most 100.

    Source: contract, "Transitions".
    """
    return min(FULL, math.floor(percent + 0.5))
