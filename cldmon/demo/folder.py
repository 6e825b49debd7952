"""The demo's folder: a temporary one, or the user's own, which is kept."""

from __future__ import annotations

import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def make_temporary() -> Iterator[Path]:
    """Make a private folder; remove it when the block ends."""
    with files.wrap_os_errors("make a folder in", Path(tempfile.gettempdir())):
        folder = Path(tempfile.mkdtemp(prefix="cldmon-demo-"))
    try:
        yield folder
    finally:
        _remove(folder)


@contextmanager
def use_folder(folder: Path) -> Iterator[Path]:
    """Use an empty or new folder; raise UsageError if it is not empty.

    If the block fails, its files are removed, so that the same command can be repeated.
    """
    folder = folder.absolute()
    with files.wrap_os_errors("look at", folder):
        exists = folder.exists()
        if exists and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder}: not an empty folder; choose an empty or a new one")
    try:
        files.create_private_dir(folder)
        yield folder
    except BaseException:
        for entry in folder.iterdir() if exists else [folder]:
            _remove(entry)
        raise


def _remove(path: Path) -> None:
    """Remove a folder or a file, ignoring Ctrl-C, which would leave part of it."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _ENDINGS}
    try:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
