"""A sample of many cases: the same in each run, and from all parts alike."""

from __future__ import annotations

import itertools
import os
import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

MOST = int(os.environ.get("MAX_CASES", "0"))
"""How many cases of a class `scripts/reliability` makes at most; 0: all."""

SEED = 7


def few(things: Sequence[T]) -> Sequence[T]:
    """Return all of the things, or a sample of them where $MAX_CASES says so."""
    return spread(things, MOST, SEED) if MOST else things


def spread(things: Sequence[T], most: int, seed: int) -> list[T]:
    """Return `most` of the things, one from each of as many equal parts of them."""
    rng = random.Random(seed)  # noqa: S311 - a sample, no secret
    edges = [len(things) * part // most for part in range(most + 1)]
    return [things[rng.randrange(a, b)] for a, b in itertools.pairwise(edges) if a < b]
