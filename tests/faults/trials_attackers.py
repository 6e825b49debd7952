"""Attackers: what anybody can do to cldmon over the network, by a text, or on the same machine."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.tally import Tally

KINDS = {
    "http": (60, 2_000),
    "web": (5, 1),
    "proxies": (5, 1),
    "sessions": (40, 1_000),
    "terminal": (3, 1),
    "folder": (2, 1),
    "browser": (4, 1),
}
"""Each a module `attack_<kind>`, with how much of it the test suite makes, and `scripts/faults`."""


def trials(folder: Path) -> Iterator[Tally]:
    """Make all attacks to the full, each kind in a folder of its own."""
    for kind, (_, full) in KINDS.items():
        place = folder / kind
        place.mkdir()
        yield from attacks(kind, place, full)


def attacks(kind: str, folder: Path, size: int) -> Iterator[Tally]:
    """Make the attacks of one kind."""
    yield from importlib.import_module(f"tests.faults.attack_{kind}").trials(folder, size)
