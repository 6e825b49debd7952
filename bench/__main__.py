"""The command: measures what is asked for, and writes the results and the page.

Usage: scripts/bench [--quick] [PART…]
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import append, history, imports, memory, passes, profile, startup, usage
from bench.found import Effort, Results, load, save
from bench.machine import described
from bench.page import rendered

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results.json"
PAGE = ROOT / "docs/performance.md"

PARTS = {
    "passes": passes.measure,
    "tls": passes.measure_secure,
    "startup": startup.measure,
    "append": append.measure,
    "history": history.measure,
    "usage": usage.measure,
    "memory": memory.measure,
    "imports": imports.measure,
    "profile": profile.measure,
}
"""Each part, in the order of the page."""


def main() -> None:
    """Measure, write, and exit with 1 where something does not hold."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="a glance: prints, writes nothing")
    parser.add_argument("--page", action="store_true", help="write the page anew, measure nothing")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    results = load(RESULTS)
    if not options.page:
        results = measured(options.parts or [*PARTS], Effort(options.quick), results)
    if not options.quick:
        save(RESULTS, results)
        PAGE.write_text(rendered(results, [*PARTS]), encoding="utf-8")
    sys.exit(not results.all_hold)


def measured(names: list[str], effort: Effort, before: Results) -> Results:
    """Measure these parts, tell of each, and return the results with them."""
    results = Results(described(), before.parts, before.measured)
    for name in names:
        begun = time.perf_counter()
        found = PARTS[name](effort)
        results = results.with_part(name, found, f"{datetime.now(UTC):%Y-%m-%d %H:%M}")
        print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
        for row in found.rows:
            sign = "  " if row.holds else "✗ "
            print(f"{sign}{row.what}: {row.measured}; {row.ratio} ({row.must})", flush=True)
        for listed in found.lists.values():
            print("\n".join("  " + " | ".join(line) for line in listed), flush=True)
        if not effort.quick:
            save(RESULTS, results)
    return results


if __name__ == "__main__":
    main()
