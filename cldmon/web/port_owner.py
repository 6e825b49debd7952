"""Which process listens on a TCP port of this machine, as far as /proc shows it to this user."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cldmon.domain.text import replace_unprintable

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = Path("/proc")
_LISTENS = "0A"


def find_port_owner(port: int, proc: Path = PROC) -> str:
    """Return the process that listens on a port: `python3 (process 123)`."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port, proc)}
    for process in proc.glob("[0-9]*"):
        if any(link in sockets for link in _links(process / "fd")):
            name = replace_unprintable(_text(process / "comm"), "") or "a program"
            return f"{name} (process {process.name})"
    return "another program"


def _listening(port: int, proc: Path) -> Iterator[str]:
    """Yield the inodes of the sockets that listen there."""
    for table in (proc / "net" / "tcp", proc / "net" / "tcp6"):
        for line in _text(table).splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _links(folder: Path) -> Iterator[str]:
    try:
        for entry in folder.iterdir():
            yield os.readlink(entry)  # noqa: PTH115 - what it names is no path
    except OSError:  # another user's process, or one that has just ended
        return


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
