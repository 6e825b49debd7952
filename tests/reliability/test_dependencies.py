"""What others have found: no pinned version with a known hole, no finding waved through unsaid."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from tests.test_lock import PROJECT, ROOT, WANTED, read_pins

KNOWN: dict[str, Any] = tomllib.loads((ROOT / "tests/data/advisories.toml").read_text("utf-8"))
RUFF: dict[str, Any] = PROJECT["tool"]["ruff"]["lint"]
IN_TESTS = {"S101", "S603", "S607", "S104", "S105", "S106"}
"""Asserts, programs that are run, and addresses and passwords that are none."""


def holes(pinned: dict[str, str]) -> list[str]:
    """Return the advisories that some versions fall under, by package."""
    return [
        f"{name} {pinned[name]}: {', '.join(ids)}, closed by {bound}"
        for bound, packages in KNOWN["below"].items()
        for name, ids in packages.items()
        if name in pinned and Version(pinned[name]) < Version(bound)
    ]


@pytest.mark.parametrize("lock", WANTED)
def test_no_pin_is_of_a_version_with_a_known_hole(lock: str) -> None:
    assert holes({name: pin.version for name, pin in read_pins(lock).items()}) == []


def test_a_known_hole_is_found_and_named() -> None:
    assert holes({"uv": "0.9.4", "pip": "26.0.1", "idna": "3.7"}) == [
        "pip 26.0.1: CVE-2026-3219, closed by 26.1",
        "uv 0.9.4: CVE-2025-62518, closed by 0.9.5",
    ]


def test_every_advisory_is_of_a_package_that_is_pinned() -> None:
    """So that the list stays as short as it can be checked by hand."""
    pinned = read_pins("requirements-dev.lock").keys()
    assert {name for packages in KNOWN["below"].values() for name in packages} <= pinned


def test_every_security_rule_of_ruff_is_on() -> None:
    """They are bandit's. In the product none is off, in tests those that are no risk there."""
    assert "S" in RUFF["select"]
    off = {code for code in RUFF["ignore"] if code.startswith("S") and not code.startswith("SIM")}
    assert off == set()
    per_file = {
        path: {c for c in codes if c[:1] == "S"} for path, codes in RUFF["per-file-ignores"].items()
    }
    assert {path for path in per_file if not path.startswith(("tests/", "bench/"))} == set()
    assert set().union(*per_file.values()) <= IN_TESTS


def test_every_finding_that_is_allowed_says_why() -> None:
    """In the code of the product: `# noqa: S603 - the person's own command`."""
    told = re.compile(r"# noqa: (?:[A-Z]+\d+, )*S\d{3}(?:, [A-Z]+\d+)*(?P<why>.*)")
    files = [*(ROOT / "cldmon").rglob("*.py"), ROOT / "hatch_build.py"]
    found = [(path, match) for path in files for match in told.finditer(path.read_text("utf-8"))]
    assert found
    assert [str(path) for path, match in found if not match["why"].startswith(" - ")] == []


def test_ruff_finds_nothing_in_the_product_but_what_is_allowed() -> None:
    ruff = Path(sys.executable).with_name("ruff")
    checked = [str(ruff), "check", "--select", "S", "--no-cache", "cldmon", "hatch_build.py"]
    ran = subprocess.run(checked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "All checks passed!")
