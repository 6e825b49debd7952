"""The build downloads the dashboard's chart library once and includes it."""

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
VENDORED = {f"{VENDOR}/{name}" for name in ("uPlot.iife.min.js", "uPlot.min.css")}
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
    """A copy of everything a build needs, without earlier downloads."""
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
    """Build in `folder`; return the output folder and the messages."""
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


def test_the_library_is_beside_the_page_with_its_licence() -> None:
    for name in (*VENDORED, LICENCE):
        assert (ROOT / name).stat().st_size > 500
    assert "Permission is hereby granted" in (ROOT / LICENCE).read_text()


def test_wheel_and_source_hold_the_library_and_nothing_else_of_npm(checkout: Path) -> None:
    """It was downloaded before, so the build needs no network. No configuration is included."""
    shutil.copytree(ROOT / VENDOR, checkout / VENDOR)
    for place in ("config.toml", "contrib/container/config/config.toml"):
        (checkout / place).parent.mkdir(parents=True, exist_ok=True)
        (checkout / place).write_text("secret")
    out, _ = build(checkout)
    names = set(ZipFile(next(out.glob("*.whl"))).namelist())
    assert {*VENDORED, LICENCE, "cldmon/web/static/index.html"} <= names
    with tarfile.open(next(out.glob("*.tar.gz"))) as source:
        inside = {name.partition("/")[2] for name in source.getnames()}
    assert {*VENDORED, LICENCE, "web/package-lock.json", "web/.npmrc", "hatch_build.py"} <= inside
    unwanted = ("node_modules", "axe", "config.toml")
    assert not [name for name in names | inside if any(word in name for word in unwanted)]


def test_a_build_without_the_library_says_so_in_one_line(checkout: Path) -> None:
    cache = {"npm_config_cache": str(checkout / "empty")}
    out, said = build(checkout, "-t", "wheel", **cache)
    [line] = [line for line in said.splitlines() if "dashboard" in line]
    assert "tables instead of charts" in line
    names = ZipFile(next(out.glob("*.whl"))).namelist()
    assert "cldmon/web/static/index.html" in names
    assert not VENDORED & set(names)


def test_the_lock_file_contains_no_url() -> None:
    lock = (ROOT / "web/package-lock.json").read_text()
    assert "://" not in lock
    assert lock.count('"integrity"') == 3
