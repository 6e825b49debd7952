"""What is measured, as values: rows of the table, figures to calculate with, and lists."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Table = list[list[str]]
"""A table of its own: its first row is its head."""


@dataclass(frozen=True)
class Row:
    """A line of the table. `must` says in words what `holds` tells."""

    what: str
    reference: str
    measured: str
    ratio: str
    must: str
    holds: bool


@dataclass(frozen=True)
class Effort:
    """How often things are measured: as often as each part asks for or, when quick, once."""

    quick: bool = False

    def rounds(self, asked: int) -> int:
        """Return how many rounds are made where `asked` are enough for a good median."""
        return 1 if self.quick else asked


@dataclass(frozen=True)
class PartResult:
    """What a part has found."""

    rows: list[Row] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    lists: dict[str, Table] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """All that is known: by part, what it found and when (UTC), and on which machine."""

    machine: dict[str, str] = field(default_factory=dict)
    parts: dict[str, PartResult] = field(default_factory=dict)
    measured: dict[str, str] = field(default_factory=dict)

    def with_part(self, name: str, found: PartResult, at: str) -> Results:
        """Return the results with what a part found in place of what it had found before."""
        return Results(self.machine, {**self.parts, name: found}, {**self.measured, name: at})

    @property
    def all_hold(self) -> bool:
        """Whether every row is what it has to be."""
        return all(row.holds for found in self.parts.values() for row in found.rows)

    @property
    def figures(self) -> dict[str, float]:
        """The figures of every part."""
        return {k: v for found in self.parts.values() for k, v in found.figures.items()}


def load(path: Path) -> Results:
    """Return the results in a file; none where there is no file."""
    if not path.exists():
        return Results()
    body = json.loads(path.read_text(encoding="utf-8"))
    parts = {name: _found(part) for name, part in body["parts"].items()}
    return Results(body["machine"], parts, body["measured"])


def save(path: Path, results: Results) -> None:
    """Write the results."""
    path.write_text(json.dumps(asdict(results), indent=1, ensure_ascii=False) + "\n", "utf-8")


def _found(part: Mapping[str, Any]) -> PartResult:
    return PartResult([Row(**row) for row in part["rows"]], part["figures"], part["lists"])
