"""Which process listens on a TCP port of this machine, as far as this user may see in /proc."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cldmon.domain.text import replace_unprintable

PROC = Path("/proc")
_LISTENS = "0A"


def find_port_owner(port: int, proc: Path = PROC) -> str:
    """Return the process that listens on a port: `python3 (process 123)`."""
    sockets = set()
    for table in (proc / "net" / "tcp", proc / "net" / "tcp6"):
        for line in _read(table).splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    for process in proc.glob("[0-9]*"):
        with suppress(OSError):  # another user's process, or one that has just ended
            for entry in (process / "fd").iterdir():
                if os.readlink(entry) in sockets:  # noqa: PTH115 - not the path of a file
                    name = replace_unprintable(_read(process / "comm"), "") or "a program"
                    return f"{name} (process {process.name})"
    return "another program"


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
