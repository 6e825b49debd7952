"""Runs the benchmarks, stores the results and updates the pages.

Usage: scripts/bench [--quick] [PART…]
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import (
    append,
    history,
    imports,
    memory,
    passes,
    profile,
    reports,
    startup,
    status_line,
    usage,
)
from bench.machine import describe_machine
from bench.pages import fill, format_tables
from bench.results import Effort, Results, load, save

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results.json"
PAGES = (ROOT / "docs/performance.md", ROOT / "docs/performance-results.md")

PARTS = {
    "passes": passes.measure,
    "tls": passes.measure_secure,
    "startup": startup.measure,
    "report": status_line.measure,
    "reports": reports.measure,
    "append": append.measure,
    "history": history.measure,
    "usage": usage.measure,
    "memory": memory.measure,
    "imports": imports.measure,
    "profile": profile.measure,
}
"""Each part, in the order of the tables."""


def main() -> None:
    """Run the parts, and exit with 1 if a bound does not hold."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="one round of each; writes nothing")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    results = run_parts(options.parts or [*PARTS], Effort(options.quick), load(RESULTS))
    if not options.quick:
        save(RESULTS, results)
        for page, text in render_pages(results).items():
            page.write_text(text, encoding="utf-8")
    sys.exit(not results.all_hold)


def render_pages(results: Results) -> dict[Path, str]:
    """Return the text of each page, with its tables generated from the results."""
    blocks = format_tables(results, [*PARTS])
    return {page: fill(page.read_text(encoding="utf-8"), blocks) for page in PAGES}


def run_parts(names: list[str], effort: Effort, previous: Results) -> Results:
    """Run these parts, print their results, and return all results."""
    results = Results(describe_machine(), previous.parts, previous.measured)
    for name in names:
        start = time.perf_counter()
        result = PARTS[name](effort)
        results = results.with_part(name, result, f"{datetime.now(UTC):%Y-%m-%d %H:%M}")
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
        for row in result.rows:
            sign = "  " if row.holds else "✗ "
            print(f"{sign}{row.what}: {row.measured}; {row.ratio} ({row.must})", flush=True)
        for table in result.lists.values():
            print("\n".join("  " + " | ".join(line) for line in table), flush=True)
        if not effort.quick:
            save(RESULTS, results)
    return results


if __name__ == "__main__":
    main()
