"""What is built: the dashboard's chart library is fetched once, and is part of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
VENDOR = "cldmon/web/static/vendor"
BORROWED = {f"{VENDOR}/{name}" for name in ("uPlot.iife.min.js", "uPlot.min.css")}
LICENCE = f"{VENDOR}/uPlot-LICENSE.txt"
SOURCES = (
    "cldmon",
    "web",
    "hatch_build.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    ".gitignore",
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of all that a build needs, without what an earlier one fetched."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("node_modules", "vendor", "__pycache__")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copyfile(source, folder / name)
    return folder


def build(folder: Path, *targets: str, **env: str) -> tuple[Path, str]:
    """Build in `folder`; return where the result is, and what was said."""
    out = folder / "dist"
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", out, *targets],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "npm_config_offline": "true", **env},
        capture_output=True,
        text=True,
        check=True,
    )
    return out, done.stdout + done.stderr


def test_the_library_stands_beside_the_page_with_its_licence() -> None:
    for name in (*BORROWED, LICENCE):
        assert (ROOT / name).stat().st_size > 500
    assert "Permission is hereby granted" in (ROOT / LICENCE).read_text()


def test_wheel_and_source_hold_the_library_and_nothing_else_of_npm(checkout: Path) -> None:
    """It was fetched before, so the build asks no network; and no configuration comes along."""
    shutil.copytree(ROOT / VENDOR, checkout / VENDOR)
    for place in ("config.toml", "contrib/container/config/config.toml"):
        (checkout / place).parent.mkdir(parents=True, exist_ok=True)
        (checkout / place).write_text("secret")
    out, _ = build(checkout)
    names = set(ZipFile(next(out.glob("*.whl"))).namelist())
    assert {*BORROWED, LICENCE, "cldmon/web/static/index.html"} <= names
    with tarfile.open(next(out.glob("*.tar.gz"))) as source:
        inside = {name.partition("/")[2] for name in source.getnames()}
    assert {*BORROWED, LICENCE, "web/package-lock.json", "web/.npmrc", "hatch_build.py"} <= inside
    unwanted = ("node_modules", "axe", "config.toml")
    assert not [name for name in names | inside if any(word in name for word in unwanted)]


def test_where_it_cannot_be_had_the_build_says_so_in_one_line(checkout: Path) -> None:
    cache = {"npm_config_cache": str(checkout / "empty")}
    out, said = build(checkout, "-t", "wheel", **cache)
    [line] = [line for line in said.splitlines() if "dashboard" in line]
    assert "tables instead of charts" in line
    names = ZipFile(next(out.glob("*.whl"))).namelist()
    assert "cldmon/web/static/index.html" in names
    assert not BORROWED & set(names)


def test_the_lock_file_names_no_address() -> None:
    lock = (ROOT / "web/package-lock.json").read_text()
    assert "://" not in lock
    assert lock.count('"integrity"') == 3
