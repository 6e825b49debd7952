"""The results as values: rows of the main table, figures to calculate with, other tables."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Table = list[list[str]]
"""A table whose first row is the head."""


@dataclass(frozen=True)
class Row:
    """A row of the main table: `must` is the bound as text, `holds` whether it is met."""

    what: str
    reference: str
    measured: str
    ratio: str
    must: str
    holds: bool

    @classmethod
    def of_ratio(cls, what: str, reference: str, measured: str, ratio: float, bound: float) -> Row:
        """Return the row of a ratio that must not exceed a bound."""
        holds = ratio <= bound
        return cls(what, reference, measured, f"{ratio:.2f} ×", f"≤ {bound} ×", holds)


@dataclass(frozen=True)
class Effort:
    """The number of rounds: as many as each part wants or, if quick, one."""

    quick: bool = False

    def rounds(self, asked: int) -> int:
        """Return the number of rounds where `asked` give a good median."""
        return 1 if self.quick else asked


@dataclass(frozen=True)
class PartResult:
    """The result of one part."""

    rows: list[Row] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    lists: dict[str, Table] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """The result of each part, when it was measured (UTC), and on which machine."""

    machine: dict[str, str] = field(default_factory=dict)
    parts: dict[str, PartResult] = field(default_factory=dict)
    measured: dict[str, str] = field(default_factory=dict)

    def with_part(self, name: str, found: PartResult, at: str) -> Results:
        """Return these results with a new result of one part."""
        return Results(self.machine, {**self.parts, name: found}, {**self.measured, name: at})

    @property
    def all_hold(self) -> bool:
        """Whether every bound holds."""
        return all(row.holds for found in self.parts.values() for row in found.rows)

    @property
    def figures(self) -> dict[str, float]:
        """The figures of all parts."""
        return {k: v for found in self.parts.values() for k, v in found.figures.items()}


def load(path: Path) -> Results:
    """Return the results in a file, or none if it does not exist."""
    if not path.exists():
        return Results()
    body = json.loads(path.read_text(encoding="utf-8"))
    parts = {
        name: PartResult([Row(**row) for row in part["rows"]], part["figures"], part["lists"])
        for name, part in body["parts"].items()
    }
    return Results(body["machine"], parts, body["measured"])


def save(path: Path, results: Results) -> None:
    """Write the results."""
    path.write_text(json.dumps(asdict(results), indent=1, ensure_ascii=False) + "\n", "utf-8")
