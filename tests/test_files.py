"""Bytes reach the disk whole, private, and from one writer at a time."""

from __future__ import annotations

import errno
import os
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon import files
from cldmon.errors import BusyError, StoreError
from tests.limits import limit_file_size

if TYPE_CHECKING:
    from collections.abc import Callable


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def take(lock: Path) -> None:
    """Take a lock, if it is free, and let go of it."""
    with files.lock(lock, wait=0):
        pass


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space left on device (the disk is full: free some space)"),
        (errno.EROFS, "Read-only file system (the file system is mounted read-only)"),
        (
            errno.EACCES,
            "Permission denied (check its owner and mode, or run as the user that owns it)",
        ),
        (errno.EDQUOT, "Disk quota exceeded (the disk quota is used up: free some space)"),
        (errno.ENOTDIR, "Not a directory"),
    ],
)
def test_an_error_of_the_system_is_one_line_with_the_file_and_what_to_do(
    number: int, words: str
) -> None:
    with (
        pytest.raises(StoreError) as caught,
        files.wrap_os_errors("write", Path("/data/state.json")),
    ):
        raise OSError(number, os.strerror(number))
    assert str(caught.value) == f"cannot write /data/state.json: {words}"
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.exit_code == 1


def test_an_error_without_a_number_is_named_too() -> None:
    with pytest.raises(StoreError) as caught, files.wrap_os_errors("read", Path("/x")):
        raise TimeoutError
    assert str(caught.value) == "cannot read /x: TimeoutError"


def test_other_errors_are_not_wrapped() -> None:
    with pytest.raises(ZeroDivisionError), files.wrap_os_errors("read", Path("/x")):
        raise ZeroDivisionError


def test_a_full_device_is_reported_as_a_full_disk() -> None:
    """Although this one cannot be cut back to what it was either."""
    with pytest.raises(StoreError, match="the disk is full: free some space"):
        files.append_line(Path("/dev/full"), b"x")


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a longer old text")
    path.chmod(0o666)
    files.replace(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_a_file_for_others_has_the_given_mode_with_any_umask(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        files.replace(tmp_path / "file", b"x", mode=0o644, durable=False)
    finally:
        os.umask(old)
    assert mode(tmp_path / "file") == 0o644


def test_a_draft_that_a_killed_writer_left_is_overwritten(tmp_path: Path) -> None:
    draft = tmp_path / ".file.tmp"
    draft.write_bytes(b"half of something longer than that")
    draft.chmod(0o644)
    files.replace(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert mode(tmp_path / "file") == 0o600
    assert not draft.exists()


@pytest.mark.parametrize("size", [0, 1, 999])
def test_a_disk_that_runs_full_leaves_the_old_file_and_no_draft(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    files.replace(path, b"old")
    with limit_file_size(size), pytest.raises(StoreError, match=f"^cannot write {path}: "):
        files.replace(path, b"x" * 1_000)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("size", [0, 5, 6, 40, 999])
def test_a_disk_that_runs_full_leaves_a_log_as_it_was(tmp_path: Path, size: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"first\n"[:size])
    before = path.read_bytes()
    with limit_file_size(size), pytest.raises(StoreError, match=f"^cannot append to {path}: "):
        files.append_line(path, b"x" * 1_000)
    assert path.read_bytes() == before


def test_a_file_in_a_folder_that_is_gone_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "file"
    with pytest.raises(StoreError, match=f"^cannot write {path}: No such file or directory$"):
        files.replace(path, b"x")
    with pytest.raises(StoreError, match=f"^cannot append to {path}: No such file or directory$"):
        files.append_line(path, b"x")
    with pytest.raises(StoreError, match=f"^cannot open the lock {path}: No such file"):
        take(path)


@settings(max_examples=25)
@given(st.lists(st.binary(max_size=9).map(lambda b: b.replace(b"\n", b"")), max_size=4), st.data())
def test_lines_are_appended_each_on_its_own(lines: list[bytes], data: st.DataObject) -> None:
    """Wherever the file was cut before, no line is glued to what was there."""
    before = data.draw(st.binary(max_size=20))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.write_bytes(before)
        for line in lines:
            files.append_line(path, line)
        ended = before if not lines or not before or before.endswith(b"\n") else before + b"\n"
        assert path.read_bytes() == ended + b"".join(line + b"\n" for line in lines)


def test_a_line_of_a_new_log_is_private(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        files.append_line(tmp_path / "log", b"x")
    finally:
        os.umask(old)
    assert mode(tmp_path / "log") == 0o600


def test_a_symbolic_link_is_not_followed_when_writing(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"precious")
    link.symlink_to(target)
    for write in (files.append_line, lambda path, _: take(path)):
        with pytest.raises(StoreError, match="symbolic link"):
            write(link, b"x")
    files.replace(link, b"new")
    assert target.read_bytes() == b"precious"
    assert (link.is_symlink(), link.read_bytes()) == (False, b"new")


@pytest.mark.parametrize("plant", [Path.symlink_to, Path.hardlink_to], ids=["symbolic", "hard"])
def test_a_link_in_the_place_of_a_draft_is_not_followed(
    tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    """Neither content nor mode of the file behind it changes: others may write to the folder."""
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    target.chmod(0o600)
    plant(tmp_path / ".file.tmp", target)
    files.replace(tmp_path / "file", b"x", mode=0o644)
    assert (target.read_bytes(), mode(target)) == (b"precious", 0o600)
    assert ((tmp_path / "file").read_bytes(), mode(tmp_path / "file")) == (b"x", 0o644)


def test_a_pipe_in_the_place_of_a_draft_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".file.tmp")
    files.replace(tmp_path / "file", b"x")
    assert (tmp_path / "file").read_bytes() == b"x"


def bind_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        folder = os.open(path.parent, os.O_RDONLY)
        sock.bind(f"/proc/self/fd/{folder}/{path.name}")  # the name may have 107 bytes at most
        os.close(folder)


@pytest.mark.parametrize(
    ("create", "reason"),
    [
        (os.mkfifo, "not a regular file"),
        (lambda path: path.symlink_to("/dev/ptmx"), "not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
        (bind_socket, "No such device or address"),
        (Path.mkdir, "Is a directory"),
    ],
    ids=["pipe", "terminal", "endless", "socket", "folder"],
)
def test_only_regular_files_are_read_and_nothing_is_waited_for(
    tmp_path: Path, create: Callable[[Path], object], reason: str
) -> None:
    create(tmp_path / "x")
    with pytest.raises(StoreError, match=f"cannot read .*/x: {reason}"):
        files.read(tmp_path / "x")


def test_folders_are_made_for_their_owner_only(tmp_path: Path) -> None:
    """Those above as well, whatever the umask; one that is there keeps its mode."""
    tmp_path.chmod(0o755)
    old = os.umask(0)
    try:
        files.create_private_dir(tmp_path / "a" / "b")
        files.create_private_dir(tmp_path / "a" / "b")
    finally:
        os.umask(old)
    assert [mode(p) for p in (tmp_path, tmp_path / "a", tmp_path / "a" / "b")] == [
        0o755,
        0o700,
        0o700,
    ]


def test_a_folder_may_be_reached_by_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    files.create_private_dir(tmp_path / "data" / "cldmon")
    assert (tmp_path / "disk" / "cldmon").is_dir()


def test_a_lock_is_held_by_one_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_bytes(b"12345678901234567890\n")  # of a process long gone
    with files.lock(path, wait=0):
        assert path.read_text() == f"{os.getpid()}\n"
        with pytest.raises(BusyError, match=f"process {os.getpid()}") as caught:
            take(path)
    assert caught.value.exit_code == 75
    take(path)


def test_a_holder_that_did_not_write_its_number_is_unknown(tmp_path: Path) -> None:
    with files.lock(tmp_path / "lock", wait=0):
        (tmp_path / "lock").write_bytes(b"")
        with pytest.raises(BusyError, match=r"\(process unknown\)"):
            take(tmp_path / "lock")


def test_a_waiter_gets_the_lock_after_its_holder(tmp_path: Path) -> None:
    order: list[str] = []

    def wait() -> None:
        with files.lock(tmp_path / "lock", wait=20):
            order.append("second")

    waiter = threading.Thread(target=wait)
    with files.lock(tmp_path / "lock", wait=20):
        waiter.start()
        waiter.join(0.05)
        order.append("first")
    waiter.join()
    assert order == ["first", "second"]


def test_waiting_for_a_lock_ends(tmp_path: Path) -> None:
    with (
        files.lock(tmp_path / "lock", wait=0),
        pytest.raises(BusyError, match=rf"^others are at it \(process {os.getpid()}\)$"),
        files.lock(tmp_path / "lock", wait=0.05, busy="others are at it"),
    ):
        pass


def test_a_disk_too_full_for_the_lock_is_a_one_line_error(tmp_path: Path) -> None:
    with limit_file_size(0), pytest.raises(StoreError, match=r"^cannot write the lock "):
        take(tmp_path / "lock")
    take(tmp_path / "lock")


def test_no_file_stays_open_after_an_error(tmp_path: Path) -> None:
    before = open_files()
    for _ in range(3):
        with limit_file_size(0):
            for write in (files.replace, files.append_line):
                with pytest.raises(StoreError):
                    write(tmp_path / "file", b"x")
        with files.lock(tmp_path / "lock", wait=0), pytest.raises(BusyError):
            take(tmp_path / "lock")
    assert open_files() == before


def test_files_created_by_root_belong_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    """One `sudo cldmon fetch` locks out nobody: the timer's user reads and writes as before."""
    data = tmp_path / "data"
    data.mkdir()
    if os.geteuid() == 0:
        os.chown(data, 65534, 65534)
    files.create_private_dir(data / "browser" / "jars")
    files.replace(data / "state.json", b"{}")
    files.append_line(data / "history-2026-03-12.jsonl", b"{}")
    take(data / "fetch.lock")
    made = [*data.rglob("*")]
    assert len(made) == 5
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {
        (data.stat().st_uid, data.stat().st_gid)
    }


def test_what_was_there_keeps_its_owner(tmp_path: Path) -> None:
    """A hard link in the place of a file that is appended to gives nothing away."""
    day = tmp_path / "history-2026-03-12.jsonl"
    day.touch()
    owner = day.stat().st_uid
    if os.geteuid() == 0:
        os.chown(tmp_path, 65534, 65534)
    files.append_line(day, b"{}")
    assert day.stat().st_uid == owner


def test_an_oversized_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.truncate(tmp_path / "file", 1 << 40)
    with pytest.raises(StoreError, match="too large"):
        files.read(tmp_path / "file")
