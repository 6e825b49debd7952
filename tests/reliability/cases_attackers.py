"""Attackers: what anybody can do to cldmon over the network, by a text, or on the same machine."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.reliability.result import Result

KINDS = {
    "http": (60, 2_000),
    "web": (5, 1),
    "proxies": (10, 1),
    "sessions": (40, 1_000),
    "terminal": (3, 1),
    "folder": (2, 1),
    "browser": (8, 1),
}
"""Each a module `attack_<kind>`, and its size in the test suite and in `scripts/reliability`."""


def run_cases(folder: Path) -> Iterator[Result]:
    """Make all attacks to the full, each kind in a folder of its own."""
    for kind, (_, full) in KINDS.items():
        place = folder / kind
        place.mkdir()
        yield from attacks(kind, place, full)


def attacks(kind: str, folder: Path, size: int) -> Iterator[Result]:
    """Make the attacks of one kind."""
    yield from importlib.import_module(f"tests.reliability.attack_{kind}").run_cases(folder, size)
