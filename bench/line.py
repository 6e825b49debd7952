"""The straight line that fits measurements best."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Line:
    """`base + slope * n`; `strays` is how far the measurements are from it at most, as a part."""

    base: float
    slope: float
    strays: float


def fitted(points: Mapping[int, float]) -> Line:
    """Return the line of least squares through measurements by number of accounts."""
    slope, base = statistics.linear_regression([*points], [*points.values()])
    strays = max(abs(value / (base + slope * n) - 1) for n, value in points.items())
    return Line(base, slope, strays)
