"""The lock files: complete, with hashes, and without URLs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUN = PROJECT["project"]["dependencies"]
BUILD = PROJECT["build-system"]["requires"] + PROJECT["dependency-groups"]["build"]
DEV = PROJECT["dependency-groups"]["dev"]
WANTED = {"requirements.lock": RUN + BUILD, "requirements-dev.lock": RUN + BUILD + DEV}
PINNED = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[^ ]+)(?: ; (?P<marker>.+))?")


class Pin(NamedTuple):
    """A line of a lock file: a package, its version and its hashes."""

    version: str
    hashes: tuple[str, ...]


def read_pins(lock: str) -> dict[str, Pin]:
    """Return the pins of a lock file by name; any other line is an error."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    found: dict[str, Pin] = {}
    for entry in text.replace(" \\\n", " ").splitlines():
        requirement, *hashes = re.split(r"\s+--hash=", entry)
        match = PINNED.fullmatch(requirement)
        assert match, f"not a pin: {requirement}"
        assert match["name"] not in found, f"pinned twice: {requirement}"
        found[match["name"]] = Pin(match["version"], tuple(hashes))
    return found


@pytest.mark.parametrize("lock", WANTED)
def test_every_requirement_of_the_project_is_pinned_within_its_bounds(lock: str) -> None:
    pinned = read_pins(lock)
    for text in WANTED[lock]:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} is not in {lock}: run scripts/lock"
        assert pinned[name].version in requirement.specifier, f"{text}: run scripts/lock"


@pytest.mark.parametrize("lock", WANTED)
def test_every_pin_has_hashes(lock: str) -> None:
    for name, pin in read_pins(lock).items():
        assert pin.hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", text) for text in pin.hashes), name


@pytest.mark.parametrize("lock", WANTED)
def test_a_lock_file_contains_no_url_or_path(lock: str) -> None:
    """pip uses the index that is configured on each machine."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("scripts/lock", "")
    assert "/" not in text
    assert not re.search(r"^\s*-(?!-hash=)", text, re.MULTILINE)


def test_both_lock_files_pin_the_same_versions() -> None:
    """The tested versions are the ones that run."""
    assert read_pins("requirements.lock").items() <= read_pins("requirements-dev.lock").items()
