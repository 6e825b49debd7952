"""Run parts of the suite in full and write their counts to docs/reliability-results.md."""

from __future__ import annotations

import importlib
import re
import sys
import tempfile
from pathlib import Path

from tests.reliability.result import HEAD, Result

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "reliability-results.md"
PREFIX = "cases_"


def list_parts() -> list[str]:
    """Return the names of all parts."""
    return sorted(path.stem.removeprefix(PREFIX) for path in HERE.glob(f"{PREFIX}*.py"))


def run(part: str) -> list[Result]:
    """Run all cases of a part, writing the row of each class when it ends."""
    results = []
    with tempfile.TemporaryDirectory(prefix="cldmon-reliability-") as folder:
        module = importlib.import_module(f"tests.reliability.{PREFIX}{part}")
        for result in module.run_cases(Path(folder)):
            results.append(result)
            print("\n".join([result.row.strip(), *result.problems]), flush=True)
            PAGE.write_text(replace_row(PAGE.read_text("utf-8"), part, result), "utf-8")
    return results


def replace_row(page: str, part: str, result: Result) -> str:
    """Return the page with a row in the table of a part, in place of one of the same class."""
    place = re.compile(rf"(<!-- cases: {part} -->\n)(.*?)(<!-- end -->)", re.DOTALL)
    found = place.search(page)
    if not found:
        raise SystemExit(f"{PAGE} has no place for {part}")
    rows = {row.split("|")[1].strip(): row for row in found[2].splitlines(True)[3:] if row.strip()}
    rows[result.fault] = result.row
    table = f"\n{HEAD}{''.join(rows.values())}\n"
    return page[: found.start(2)] + table + page[found.end(2) :]


def main(names: list[str]) -> int:
    """Run the parts named, or all, and return the exit code."""
    if unknown := set(names) - set(list_parts()):
        raise SystemExit(
            f"no part {', '.join(sorted(unknown))}: there are {', '.join(list_parts())}"
        )
    problems = 0
    for part in names or list_parts():
        problems += sum(result.survived == 0 or bool(result.problems) for result in run(part))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
