"""Where the demo writes: a folder that goes, or one that stays."""

from __future__ import annotations

import signal
import stat
from typing import TYPE_CHECKING

import pytest

from cldmon.demo import folder as folders
from cldmon.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def fill(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "state.json").write_text("{}")
    (folder / "config.toml").write_text("")


def interrupt(folder: Path) -> None:
    with folders.use_folder(folder) as place:
        fill(place)
        raise KeyboardInterrupt


def test_a_temporary_folder_is_private_and_gone_at_the_end() -> None:
    with folders.make_temporary() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        fill(folder)
    assert not folder.exists()


def test_a_temporary_folder_is_gone_after_ctrl_c_and_ctrl_c_works_as_before() -> None:
    def work() -> None:
        with folders.make_temporary() as folder:
            seen.append(folder)
            fill(folder)
            raise KeyboardInterrupt

    seen: list[Path] = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        work()
    assert not seen[0].exists()
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize("name", ["new", "new/deeper"])
def test_a_new_folder_is_made_private_and_stays(tmp_path: Path, name: str) -> None:
    with folders.use_folder(tmp_path / name) as folder:
        fill(folder)
    assert (folder / "config.toml").is_file()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    with folders.use_folder(tmp_path) as folder:
        fill(folder)
    assert (tmp_path / "data" / "state.json").is_file()


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(UsageError, match="not an empty folder"), folders.use_folder(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UsageError, match="not an empty folder"),
        folders.use_folder(tmp_path / "file"),
    ):
        pass


def test_after_an_interruption_a_new_folder_is_gone(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_after_an_interruption_a_folder_of_the_users_is_empty_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt(tmp_path)
    assert list(tmp_path.iterdir()) == []
