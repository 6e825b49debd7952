"""The reference: the minimum that stores a pass durably. Write, sync, rename; append, sync."""

from __future__ import annotations

import os


def store(folder: str, state: bytes, day: str, line: bytes) -> None:
    """Replace state.json, then append a line to a day file; both survive a power loss."""
    draft = os.path.join(folder, ".state.json.tmp")  # noqa: PTH118 - bare on purpose
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(fd, state)
    os.fsync(fd)
    os.close(fd)
    os.rename(draft, os.path.join(folder, "state.json"))  # noqa: PTH104, PTH118
    fd = os.open(folder, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    fd = os.open(os.path.join(folder, day), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)  # noqa: PTH118
    os.write(fd, line + b"\n")
    os.fsync(fd)
    os.close(fd)
