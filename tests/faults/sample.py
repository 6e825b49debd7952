"""A sample of many trials: the same in each run, and from all parts alike."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


def spread(things: Sequence[T], most: int, seed: int) -> list[T]:
    """Return `most` of the things, one from each of as many equal parts of them."""
    rng = random.Random(seed)  # noqa: S311 - a sample, no secret
    edges = [len(things) * part // most for part in range(most + 1)]
    return [things[rng.randrange(a, b)] for a, b in itertools.pairwise(edges) if a < b]
