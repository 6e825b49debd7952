"""Where driver and browser keep their files: what is temporary goes, though a pass be killed."""

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

_LEAST_BYTES = 1 << 20
_LEAST_FILES = 16
_TRIES = 100
_TRY_SECONDS = 0.02


@contextlib.contextmanager
def private_temp_dir(owner: Path) -> Iterator[Path]:
    """Make a private folder the process's TMPDIR while the block runs, and remove it after.

    There is one for each `owner` path, so the next pass clears what a killed one left there. It
    lies in the system's temporary folder because the browser's socket needs a short path. What
    stays, in `owner`, is the driver's own code, compiled: the next one starts in less time. It is
    run unseen, so none is kept where somebody else could change it. Raises `StoreError` where the
    folder cannot be made, or has no room.
    """
    folder, compiled = _place(owner), owner / "compiled"
    files.private_dir(compiled)
    _clear(folder)
    with files.wrap_os_errors("make the folder", folder):
        folder.mkdir(mode=files.PRIVATE_DIR)
        _require_room(folder.parent, os.statvfs(folder))
    try:
        kept = compiled if all(map(_is_ours_alone, (compiled, owner, owner.parent))) else folder
        with override_environ({"TMPDIR": folder, "NODE_COMPILE_CACHE": kept}):
            yield folder
    finally:
        try:
            _remove(folder)
        except KeyboardInterrupt:
            _remove(folder)
            raise


def _is_ours_alone(folder: Path) -> bool:
    with files.wrap_os_errors("look at", folder):
        found = folder.lstat()
    others = stat.S_IWGRP | stat.S_IWOTH
    return (
        stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & others
    )


def _require_room(place: Path, found: os.statvfs_result) -> None:
    # A browser without room ends without a reason, or hangs: here there is one to tell.
    free = found.f_bfree if os.geteuid() == 0 else found.f_bavail
    crowded = found.f_files > 0 and found.f_ffree < _LEAST_FILES
    if crowded or free * found.f_frsize < _LEAST_BYTES:
        raise StoreError(f"no room for a browser in {place}: free some space there, or set TMPDIR")


def end_processes(folder: Path) -> None:
    """Kill every process that was started with this folder as its TMPDIR: driver and browser."""
    mark = b"\0TMPDIR=" + os.fsencode(folder) + b"\0"
    for process in Path("/proc").glob("[0-9]*"):
        # Those of other users cannot be read, and others end while we look.
        with contextlib.suppress(OSError):
            if mark in b"\0" + (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def _place(owner: Path) -> Path:
    name = hashlib.sha256(os.fsencode(owner.absolute())).hexdigest()[:12]
    with files.wrap_os_errors("find a temporary folder at", Path(os.environ.get("TMPDIR", "/tmp"))):  # noqa: S108 - for words
        return Path(tempfile.gettempdir(), f"cldmon-{os.geteuid()}-{name}")


def _clear(folder: Path) -> None:
    with files.wrap_os_errors("look at", folder):
        try:
            found = folder.lstat()
        except FileNotFoundError:
            return
    if found.st_uid != os.geteuid():
        raise StoreError(f"{folder} belongs to somebody else: remove it, or set TMPDIR")
    if stat.S_ISDIR(found.st_mode):  # nothing else is ours to remove, nor could it be in use
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove the folder; where a browser did not end and clear up by itself, that one first."""
    with contextlib.suppress(OSError):
        folder.rmdir()
        return
    for _ in range(_TRIES):
        end_processes(folder)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_TRY_SECONDS)  # the dying may still write


@contextlib.contextmanager
def override_environ(changes: Mapping[str, Path | str | None]) -> Iterator[None]:
    """Change our environment, which the driver inherits, while the block runs; None takes away.

    What the block itself changes of those names is undone, too.
    """
    before = {name: os.environ.get(name) for name in changes}
    _set_all({name: value if value is None else str(value) for name, value in changes.items()})
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
