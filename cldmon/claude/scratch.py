"""Where the browser keeps its temporary files, so that a killed pass leaves none for long."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def scratch_folder(owner: Path) -> Iterator[Path]:
    """Make a private folder the process's TMPDIR while the block runs, and remove it after.

    There is one for each `owner` path, so the next pass clears what a killed one left there. It
    lies in the system's temporary folder because the browser's socket needs a short path.
    """
    name = hashlib.sha256(str(owner.absolute()).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir(), f"cldmon-{os.geteuid()}-{name}")
    _clear(folder)
    with files.explained("make the folder", folder):
        folder.mkdir(mode=files.PRIVATE_DIR)
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(folder)
    try:
        yield folder
    finally:
        _restore(before)
        shutil.rmtree(folder, ignore_errors=True)


def _clear(folder: Path) -> None:
    with files.explained("look at", folder):
        try:
            owner = folder.lstat().st_uid
        except FileNotFoundError:
            return
    if owner != os.geteuid():
        raise StoreError(f"{folder} belongs to somebody else: remove it, or set TMPDIR")
    shutil.rmtree(folder, ignore_errors=True)


def _restore(tmpdir: str | None) -> None:
    if tmpdir is None:
        os.environ.pop("TMPDIR", None)
    else:
        os.environ["TMPDIR"] = tmpdir
