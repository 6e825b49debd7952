"""What is generated from the command line is what stands in the checkout."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def make() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "make.py"))


def test_generated_files_are_up_to_date(make: dict[str, Any]) -> None:
    stale = [
        str(path)
        for path, text in make["generated"]().items()
        if not (ROOT / path).is_file() or (ROOT / path).read_text(encoding="utf-8") != text
    ]
    assert not stale, "out of date: run `scripts/docs` and commit what it writes"


def test_every_help_text_fits_into_80_columns(make: dict[str, Any]) -> None:
    wide = [line for _, text in make["helps"]() for line in text.splitlines() if len(line) > 80]
    assert wide == []
