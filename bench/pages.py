"""The generated tables of docs/performance.md and docs/performance-results.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench.fleet import estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.results import Results, Row, Table

HEAD = ("what", "reference in the same run", "measured", "ratio", "bound", "holds")
HEADLINES = (
    "pass over 1, organization known",
    "pass over 20, organization known",
    "pass over 100, organization known",
    "`cldmon status`",
    "`cldmon history --range 7d`",
    "status line, the server is down",
    "`/api/history?range=7d`",
    "`/api/usage` over 16 connections: requests",
    "memory of `serve` idle",
    "resident memory between passes",
)
"""The beginnings of the rows in the summary, in order."""

_BLOCK = re.compile(r"(<!-- generated: ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def fill(page: str, blocks: Mapping[str, str]) -> str:
    """Return a page with the text of each generated block replaced."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{blocks[block[2]]}\n{block[4]}", page)


def format_tables(results: Results, parts: Sequence[str]) -> dict[str, str]:
    """Return each generated block by name; `parts` are all parts, in order."""
    measured = {name: results.parts[name] for name in parts if name in results.parts}
    rows = [row for part in measured.values() for row in part.rows]
    lists = {k: table for part in measured.values() for k, table in part.lists.items()}
    lists |= estimate(results.figures).lists
    headlines = [
        row for start in HEADLINES for row in [r for r in rows if r.what.startswith(start)][:1]
    ]
    summary = [[row.what, row.measured, row.reference, row.ratio] for row in headlines]
    return {
        "machine": format_table([["machine", ""], *map(list, results.machine.items())]),
        "summary": format_table([["what", "measured", "compared with", "ratio"], *summary]),
        "verdict": _verdict(rows),
        "bounds": format_table([list(HEAD), *map(_cells, rows)]),
        "measured": "Measured (UTC): "
        + "; ".join(f"{name} {results.measured[name]}" for name in measured)
        + ".\n",
        **{name: format_table(table) for name, table in lists.items()},
    }


def format_table(table: Table) -> str:
    """Return a Markdown table whose first row is the head, or nothing for an empty one."""
    if not table:
        return ""
    head, *rows = (_line(map(_escape, row)) for row in table)
    return "\n".join([head, _line("---" for _ in table[0]), *rows]) + "\n"


def _verdict(rows: Sequence[Row]) -> str:
    missed = [row.what for row in rows if not row.holds]
    if not missed:
        return f"All {len(rows)} bounds hold.\n"
    return f"{len(rows) - len(missed)} of {len(rows)} bounds hold; not: {'; '.join(missed)}.\n"


def _cells(row: Row) -> list[str]:
    return [
        row.what,
        row.reference,
        row.measured,
        row.ratio,
        row.must,
        "yes" if row.holds else "**no**",
    ]


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
