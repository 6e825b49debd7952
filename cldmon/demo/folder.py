"""The demo's folder: a temporary one that goes, or one of the user's that stays."""

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
def temporary() -> Iterator[Path]:
    """Make a private folder that is gone when the block ends, however it ends."""
    with files.wrap_os_errors("make a folder in", Path(tempfile.gettempdir())):
        folder = Path(tempfile.mkdtemp(prefix="cldmon-demo-"))
    try:
        yield folder
    finally:
        _remove(folder)


@contextmanager
def kept(folder: Path) -> Iterator[Path]:
    """Use a folder that is empty or not there yet; it stays if the block ends well.

    Otherwise what was put into it is removed again, so that the same command can be repeated.
    Raises UsageError where something is in it already.
    """
    folder = folder.absolute()
    there = _is_there(folder)
    try:
        files.private_dir(folder)
        yield folder
    except BaseException:
        for entry in folder.iterdir() if there else [folder]:
            _remove(entry)
        raise


def _is_there(folder: Path) -> bool:
    """Return whether a folder is there already, and empty; raises UsageError if it is not empty."""
    with files.wrap_os_errors("look at", folder):
        there = folder.exists()
        if there and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder}: not an empty folder; name one that is, or a new one")
    return there


def _remove(path: Path) -> None:
    """Remove a folder or a file; a Ctrl-C in the middle cannot leave a half of it."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _ENDINGS}
    try:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
