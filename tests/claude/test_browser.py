"""Which browser is taken: the configured one alone, else the cheapest of those that are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cldmon.claude.browser import (
    BrowserSettings,
    find_browser,
    find_browsers,
    tune_concurrency,
)
from cldmon.errors import BrowserError


def program(path: Path, text: str = "#!/bin/sh\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def shell(cache: Path, build: int, name: str = "chrome-headless-shell") -> str:
    folder = cache / "ms-playwright" / f"chromium_headless_shell-{build}"
    return program(folder / "chrome-headless-shell-linux64" / name)


def full(cache: Path, build: int) -> str:
    return program(cache / "ms-playwright" / f"chromium-{build}" / "chrome-linux64" / "chrome")


def own(cache: Path, found: list[str]) -> list[str]:
    """Return those that were found in the cache, not on the machine that runs the test."""
    return [path for path in found if path.startswith(str(cache))]


def test_the_newest_shell_comes_first_and_full_browsers_come_later(tmp_path: Path) -> None:
    paths = [shell(tmp_path, 1204), shell(tmp_path, 999, "headless_shell"), full(tmp_path, 1300)]
    found = find_browsers(BrowserSettings(), {"XDG_CACHE_HOME": str(tmp_path)})
    assert own(tmp_path, found) == paths


def test_a_headed_browser_is_never_a_headless_shell(tmp_path: Path) -> None:
    shell(tmp_path, 1204)
    chrome = full(tmp_path, 1204)
    found = find_browsers(BrowserSettings(headless=False), {"XDG_CACHE_HOME": str(tmp_path)})
    assert own(tmp_path, found) == [chrome]
    assert not any("headless" in path for path in found)


def test_the_cache_is_in_the_home_by_default(tmp_path: Path) -> None:
    path = shell(tmp_path / ".cache", 1)
    assert own(tmp_path, find_browsers(BrowserSettings(), {"HOME": str(tmp_path)})) == [path]


def test_playwrights_own_variable_names_the_folder_itself(tmp_path: Path) -> None:
    path = shell(tmp_path, 1)
    folder = str(tmp_path / "ms-playwright")
    env = {"PLAYWRIGHT_BROWSERS_PATH": folder, "XDG_CACHE_HOME": "/nonexistent"}
    assert own(tmp_path, find_browsers(BrowserSettings(), env)) == [path]


def test_a_stub_that_points_to_a_snap_is_not_a_browser(tmp_path: Path) -> None:
    stub = "#!/bin/sh\necho 'requires the chromium snap to be installed' >&2\nexit 1\n"
    Path(shell(tmp_path, 2)).write_text(stub)
    good = shell(tmp_path, 1)
    found = find_browsers(BrowserSettings(), {"XDG_CACHE_HOME": str(tmp_path)})
    assert own(tmp_path, found) == [good]


def test_the_configured_browser_is_the_only_one(tmp_path: Path) -> None:
    mine, other = program(tmp_path / "mine"), program(tmp_path / "other")
    settings = BrowserSettings(executable=mine)
    assert find_browsers(settings, {"CLDMON_BROWSER": other}) == [mine]
    assert find_browsers(BrowserSettings(), {"CLDMON_BROWSER": other}) == [other]


def test_a_bare_name_is_sought_on_the_path(tmp_path: Path) -> None:
    mine = program(tmp_path / "my-browser")
    settings = BrowserSettings(executable="my-browser")
    assert find_browser(settings, {"PATH": str(tmp_path)}) == mine


@pytest.mark.parametrize("kind", ["missing", "folder", "not executable"])
def test_a_configured_browser_that_cannot_run_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "browser"
    if kind == "folder":
        path.mkdir()
    elif kind == "not executable":
        path.write_text("")
    with pytest.raises(
        BrowserError, match=r"\(CLDMON_BROWSER\) does not exist or is not executable"
    ):
        find_browser(BrowserSettings(), {"CLDMON_BROWSER": str(path)})


@pytest.mark.parametrize(
    ("accounts", "cores", "side_by_side"),
    [(1, 2, 1), (5, 2, 5), (20, 2, 8), (200, 2, 8), (200, 1, 4), (200, 64, 16), (0, 2, 1)],
)
def test_accounts_are_read_side_by_side_as_cores_and_accounts_allow(
    accounts: int, cores: int, side_by_side: int
) -> None:
    assert tune_concurrency(BrowserSettings(), accounts, cores) == side_by_side
    assert tune_concurrency(BrowserSettings(concurrency=3), accounts, cores) == 3


def test_the_cores_are_those_that_this_process_may_use() -> None:
    at_most = tune_concurrency(BrowserSettings(), 1000)
    assert at_most == min(16, 4 * len(os.sched_getaffinity(0)))
