"""The status line that a person had before: run with the same input, for a bounded time."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress
from threading import Thread
from typing import IO, TYPE_CHECKING, cast

from cldmon.processes import kill_group, read_output

if TYPE_CHECKING:
    from types import FrameType

SECONDS = 3.0
_MAX_BYTES = 1 << 16


class ChainedCommand:
    """A command that runs; it is started as Claude Code does it, with a shell."""

    def __init__(self, command: str, document: bytes) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the person's own, from their settings
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        signal.signal(signal.SIGTERM, self._end)  # sent if there is a newer document
        Thread(target=self._write, args=[document], daemon=True).start()

    def read(self) -> bytes:
        """Return what it prints, with a newline at the end; nothing if it takes too long."""
        try:
            pipe = cast("IO[bytes]", self._process.stdout)
            output = read_output(self._process.pid, pipe.fileno(), SECONDS, _MAX_BYTES)
        except subprocess.TimeoutExpired:
            kill_group(self._process)
            return b""
        # What it left running in the background is its own business.
        return output if not output or output.endswith(b"\n") else output + b"\n"

    def _write(self, document: bytes) -> None:
        with suppress(OSError), cast("IO[bytes]", self._process.stdin) as pipe:
            pipe.write(document)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        kill_group(self._process)
        raise SystemExit(0)
