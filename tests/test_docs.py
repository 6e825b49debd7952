"""The generated files are up to date, and the links of the docs work."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")


@pytest.fixture(scope="module")
def make() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "make.py"))


def test_generated_files_are_up_to_date(tmp_path: Path) -> None:
    # In its own process, because click caches on a command how it was invoked.
    written = subprocess.run(
        [sys.executable, "docs/make.py", tmp_path],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert written
    stale = [
        name
        for name in written
        if not (ROOT / name).is_file()
        or (ROOT / name).read_bytes() != (tmp_path / name).read_bytes()
    ]
    assert not stale, "out of date: run `scripts/docs` and commit what it writes"


def test_every_help_text_fits_into_80_columns(make: dict[str, Any]) -> None:
    wide = [
        line for _, text in make["help_texts"]() for line in text.splitlines() if len(line) > 80
    ]
    assert wide == []


@pytest.mark.parametrize("golden", ["commands/status.txt", "history-chart-unicode.txt"])
def test_the_readme_shows_what_the_commands_print(golden: str) -> None:
    """Each block that shows a command is the beginning of that command's golden file."""
    printed = (ROOT / "tests" / "data" / golden).read_text(encoding="utf-8")
    printed = printed.removeprefix("$ cldmon status\n")
    blocks = (ROOT / "README.md").read_text(encoding="utf-8").split("```text\n$ cldmon ")[1:]
    shown = [block.partition("\n")[2].partition("\n```")[0] for block in blocks]
    assert [text for text in shown if printed.startswith(text)]


def test_every_link_of_the_docs_leads_somewhere() -> None:
    """To a file and, where the link names one, to a heading of that file."""
    broken = [
        (page.name, target, anchor)
        for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
        for target, anchor in LINK.findall(page.read_text("utf-8"))
        if not (path := page.parent / target if target else page).exists()
        or (anchor and anchor not in anchors(path))
    ]
    assert broken == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_table_of_rooms_follows_the_import_contracts(make: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    shown = re.findall(r"^\| \d+ \| `(\w+)` \|", make["format_rooms"](), re.MULTILINE)
    assert shown == [room for layer in layers for room in re.findall(r"\w+", layer)]
