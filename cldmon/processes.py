"""Programs that run for a bounded time: their output, and their end with all they have started."""

from __future__ import annotations

import atexit
import os
import select
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_POLL_MS = 20
_PIPE_BYTES = 1 << 16

_running: set[subprocess.Popen[bytes]] = set()
_ending = threading.Event()


@contextmanager
def start_group(argv: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a process group of its own, which is killed if the block raises.

    It is killed as well if this process ends first, e.g. after Ctrl-C: threads are not waited for.
    The block then raises SubprocessError, even if the program ended well. Raises OSError or
    ValueError if it cannot be started.
    """
    _raise_if_ending()
    process = subprocess.Popen(argv, process_group=0, **options)  # noqa: S603 - callers name it
    try:
        _running.add(process)
        yield process
        _raise_if_ending()
    except BaseException:
        kill_group(process)
        raise
    finally:
        _running.discard(process)
        if process.stdout:
            process.stdout.close()


def _raise_if_ending() -> None:
    if _ending.is_set():
        raise subprocess.SubprocessError("this process is ending")


@atexit.register
def _kill_running() -> None:
    _ending.set()
    for process in tuple(_running):
        kill_group(process)


def read_output(pid: int, pipe: int, seconds: float, most: int) -> bytes:
    """Return the last `most` bytes that a program printed once it has ended, without reaping it.

    What it started may hold the pipe longer, so the end of the pipe is not waited for.
    Raises TimeoutExpired.
    """
    end = time.monotonic() + seconds
    ready, output = select.poll(), b""
    ready.register(pipe, select.POLLIN)
    while True:
        has_ended = _has_ended(pid)
        if ready.poll(0 if has_ended else _POLL_MS):
            chunk = os.read(pipe, _PIPE_BYTES)
            output = (output + chunk)[-most:]
            if not chunk:
                ready.unregister(pipe)
        if has_ended:
            return output
        if time.monotonic() > end:
            raise subprocess.TimeoutExpired("command", seconds)


def _has_ended(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # SIGCHLD is ignored: it has been reaped, and its status is lost
        return True


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and its process group; its number cannot be another's before it is reaped."""
    with suppress(OSError):  # e.g. sudo's programs cannot be killed
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(OSError):  # it may have changed its group
        process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(1)
