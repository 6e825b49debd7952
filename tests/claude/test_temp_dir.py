"""The folder for temporary files: there while it is needed, and gone whatever was left in it."""

from __future__ import annotations

import asyncio
import gc
import os
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from cldmon.claude.driver import run_driver
from cldmon.claude.temp_dir import end_processes, private_temp_dir
from cldmon.errors import StoreError


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's temporary folder, of our own."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return place


def sleeping(tmpdir: str) -> subprocess.Popen[bytes]:
    """Start a process that sleeps; for a moment after Popen returns, it has no environment yet."""
    process = subprocess.Popen(["sleep", "600"], env={**os.environ, "TMPDIR": tmpdir})
    while not Path(f"/proc/{process.pid}/environ").read_bytes():
        time.sleep(0.001)
    return process


def test_it_is_private_and_everybodys_tmpdir_while_it_lasts(tmp_path: Path) -> None:
    before = os.environ["TMPDIR"]
    with private_temp_dir(tmp_path / "data") as folder:
        assert os.environ["TMPDIR"] == str(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert os.environ["TMPDIR"] == before
    assert not folder.exists()


def test_only_the_owner_can_change_the_compiled_code_of_the_driver(tmp_path: Path) -> None:
    for _ in range(2):
        with private_temp_dir(tmp_path / "data"):
            kept = os.environ["NODE_COMPILE_CACHE"]
            assert kept == str(tmp_path / "data" / "compiled")
        assert stat.S_IMODE((tmp_path / "data" / "compiled").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert "NODE_COMPILE_CACHE" not in os.environ


@pytest.mark.parametrize("place", ["", "data", "data/compiled"])
def test_compiled_code_that_somebody_else_could_change_is_not_run(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "data" / "compiled").mkdir(parents=True)
    (tmp_path / place).chmod(0o775)
    with private_temp_dir(tmp_path / "data") as folder:
        assert os.environ["NODE_COMPILE_CACHE"] == str(folder)


def test_its_path_is_short_even_if_that_of_the_data_folder_is_long(
    tmp_path: Path, temporary: Path
) -> None:
    """A browser's socket lies in it, and such a path holds a hundred characters."""
    with private_temp_dir(tmp_path / ("long/" * 200)) as folder:
        assert len(str(folder)) < len(str(temporary)) + 40


def test_two_owners_have_two(tmp_path: Path) -> None:
    with private_temp_dir(tmp_path / "a") as one, private_temp_dir(tmp_path / "b") as two:
        assert one != two


def test_what_a_killed_pass_left_is_cleared_first(tmp_path: Path) -> None:
    with private_temp_dir(tmp_path) as folder:
        pass
    (folder / "profile").mkdir(parents=True)
    (folder / "profile" / "file").write_text("")
    left = sleeping(str(folder))
    with private_temp_dir(tmp_path) as again:
        assert again == folder
        assert list(folder.iterdir()) == []
        assert left.wait(10) == -9


def test_what_still_runs_at_the_end_is_ended(tmp_path: Path) -> None:
    with private_temp_dir(tmp_path) as folder:
        (folder / "profile").mkdir()
        left = sleeping(str(folder))
    assert left.wait(10) == -9
    assert not folder.exists()


def test_processes_of_others_are_left_alone(tmp_path: Path) -> None:
    with sleeping(f"{tmp_path}/mine-not") as other:
        end_processes(tmp_path / "mine")
        assert other.poll() is None
        other.kill()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    with private_temp_dir(tmp_path) as folder:
        pass
    (tmp_path / "precious").mkdir()
    folder.symlink_to(tmp_path / "precious")
    with pytest.raises(StoreError, match="cannot make the folder"), private_temp_dir(tmp_path):
        pass
    assert (tmp_path / "precious").exists()


def test_a_folder_that_takes_no_file_is_one_clear_line(tmp_path: Path) -> None:
    async def start() -> None:
        async with run_driver(tmp_path / "gone"):
            pass

    with pytest.raises(StoreError, match=f"^cannot make a file in {tmp_path}/gone: No such file"):
        asyncio.run(start())


def test_a_driver_that_dies_is_not_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """asyncio complains when the futures that Playwright dropped are collected."""

    async def ask_dead_driver() -> object:
        with private_temp_dir(tmp_path) as folder:
            async with run_driver(folder) as playwright:
                end_processes(folder)
                return await asyncio.gather(playwright.chromium.launch(), return_exceptions=True)

    assert "closed" in str(asyncio.run(ask_dead_driver()))
    gc.collect()
    assert caplog.messages == []
