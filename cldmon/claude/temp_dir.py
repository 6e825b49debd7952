"""The temporary folder of driver and browser; a killed pass's is removed by the next."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MIN_BYTES = 1 << 20
_MIN_FILES = 16
_TRIES = 100
_TRY_SECONDS = 0.02


@contextlib.contextmanager
def private_temp_dir(owner: Path) -> Iterator[Path]:
    """Make a private folder the process's TMPDIR while the block runs, then remove it.

    Its name depends on the `owner` path, so the next pass removes what a killed one left. It is in
    the system's temporary folder because the browser's socket needs a short path. The driver's
    compiled code stays in `owner`, so that it starts faster next time, unless other users can write
    there. Raise `StoreError` if the folder can't be made or the disk is full.
    """
    folder, compiled = _find_path(owner), owner / "compiled"
    files.create_private_dir(compiled)
    _remove_leftover(folder)
    with files.wrap_os_errors("make the folder", folder):
        folder.mkdir(mode=files.PRIVATE_DIR)
        # With a full disk, a browser exits without a reason, or hangs.
        room = os.statvfs(folder)
        free = room.f_bfree if os.geteuid() == 0 else room.f_bavail
        has_few_files = room.f_files > 0 and room.f_ffree < _MIN_FILES
        if has_few_files or free * room.f_frsize < _MIN_BYTES:
            raise StoreError(
                f"no room for a browser in {folder.parent}: free some space there, or set TMPDIR"
            )
    try:
        kept = compiled if all(map(_is_private, (compiled, owner, owner.parent))) else folder
        with override_environ({"TMPDIR": str(folder), "NODE_COMPILE_CACHE": str(kept)}):
            yield folder
    finally:
        try:
            _remove(folder)
        except KeyboardInterrupt:
            _remove(folder)
            raise


def _is_private(folder: Path) -> bool:
    with files.wrap_os_errors("look at", folder):
        found = folder.lstat()
    others = stat.S_IWGRP | stat.S_IWOTH
    return (
        stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & others
    )


def end_processes(folder: Path) -> None:
    """Kill every process whose TMPDIR is this folder: driver and browser."""
    mark = b"\0TMPDIR=" + os.fsencode(folder) + b"\0"
    for process in Path("/proc").glob("[0-9]*"):
        # Other users' processes can't be read, and some end in the meantime.
        with contextlib.suppress(OSError):
            if mark in b"\0" + (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def _find_path(owner: Path) -> Path:
    name = hashlib.sha256(os.fsencode(owner.absolute())).hexdigest()[:12]
    with files.wrap_os_errors("find a temporary folder at", Path(os.environ.get("TMPDIR", "/tmp"))):  # noqa: S108 - for words
        return Path(tempfile.gettempdir(), f"cldmon-{os.geteuid()}-{name}")


def _remove_leftover(folder: Path) -> None:
    with files.wrap_os_errors("look at", folder):
        try:
            found = folder.lstat()
        except FileNotFoundError:
            return
    if found.st_uid != os.geteuid():
        raise StoreError(f"{folder} belongs to another user: remove it, or set TMPDIR")
    if stat.S_ISDIR(found.st_mode):  # anything else is not ours to remove
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove the folder; first end a browser that still uses it."""
    with contextlib.suppress(OSError):
        folder.rmdir()
        return
    for _ in range(_TRIES):
        end_processes(folder)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_TRY_SECONDS)  # processes that are ending may still write


@contextlib.contextmanager
def override_environ(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Change our environment, which the driver inherits, while the block runs; None unsets a name.

    The block's own changes to these names are undone, too.
    """
    before = {name: os.environ.get(name) for name in changes}
    _set_all(changes)
    try:
        yield
    finally:
        _set_all(before)


def _set_all(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
