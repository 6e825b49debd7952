"""Files: locks, synced appends, atomic replacement, private modes.

Every OSError leaves as a `StoreError` that names the file and what to do.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from io import FileIO
from typing import TYPE_CHECKING

from cldmon.errors import BusyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_DIR = 0o700

LARGEST_FILE = 1 << 25
"""Bytes; the list of the people of a large Slack workspace has some ten million."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05
"""Seconds between two tries to lock a file."""

_ADVICE = {
    errno.EACCES: "check its owner and mode, or run as the user that owns it",
    errno.EPERM: "check its owner and mode, or run as the user that owns it",
    errno.EROFS: "the file system is mounted read-only",
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EIO: "the disk reports an error: check it",
    errno.ELOOP: "it is a symbolic link, and what is written here follows none: remove it",
}


@contextlib.contextmanager
def wrap_os_errors(action: str, path: Path) -> Iterator[None]:
    """Turn an OSError into a `StoreError`: `cannot write /var/…: No space left …`."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0)
        reason = error.strerror or type(error).__name__
        message = f"cannot {action} {path}: {reason}" + (f" ({advice})" if advice else "")
        raise StoreError(message) from error


def private_dir(path: Path) -> None:
    """Make sure that a folder is there, for its owner only where we make it.

    So are the folders above it: pathlib would give those the mode that the umask leaves. One that
    is made survives a loss of power.
    """
    with wrap_os_errors("make the folder", path):
        for folder in (*reversed(path.parents), path):
            if not folder.is_dir():
                folder.mkdir(mode=PRIVATE_DIR, exist_ok=True)
                _chown_dir_to_parent(folder)
                with contextlib.suppress(PermissionError):  # one may make it, but not read above
                    _sync_dir(folder.parent)


def read(path: Path) -> bytes | None:
    """Return the bytes of a file, None where there is none.

    Raises `StoreError`, also for one that is larger than any that is read whole.
    """
    with wrap_os_errors("read", path):
        try:
            with open_regular(path) as file:
                if os.fstat(file.fileno()).st_size > LARGEST_FILE:
                    raise StoreError(f"cannot read {path}: it is too large to be cldmon's")
                return file.read()
        except FileNotFoundError:
            return None


def open_regular(path: Path) -> FileIO:
    """Open a file to read it, unbuffered; raises OSError, of a pipe or a device, too.

    Those would hold us up for ever, where somebody else can put one into a folder of ours.
    """
    file = FileIO(path, opener=_open_nonblocking)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no regular file")
    return file


def _open_nonblocking(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


@contextlib.contextmanager
def lock(path: Path, *, wait: float, busy: str | None = None) -> Iterator[None]:
    """Hold an exclusive lock while the block runs; the kernel releases it when we die.

    Raises `BusyError`, which says `busy` and names the holder's process, where that holds it for
    longer than `wait` seconds.
    """
    with wrap_os_errors("open the lock", path):
        fd = _open_or_create(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        with wrap_os_errors("lock", path):
            if not _try_lock(fd, wait):
                holder = os.pread(fd, 32, 0).decode(errors="replace").strip()
                busy = busy or f"another process holds {path}: try again, or end it"
                raise BusyError(f"{busy} (process {holder or 'unknown'})")
        with wrap_os_errors("write the lock", path):
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):  # a sick disk: the lock is let go of all the same
            os.close(fd)


def _try_lock(fd: int, wait: float) -> bool:
    """Try to lock a file for so many seconds, for flock itself would wait without end."""
    deadline, pause = time.monotonic() + wait, _SHORTEST_PAUSE
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            return True


def replace(
    path: Path,
    data: bytes | Iterable[bytes],
    *,
    mode: int = PRIVATE_FILE,
    durable: bool = True,
) -> None:
    """Put a whole file in place of another: a reader sees the old one or the new one.

    `data` may come in blocks. Where several processes may write it, the caller holds a lock. When
    this returns, a durable file survives a loss of power.
    """
    # One fixed name beside it: what a killed writer left is removed by the next.
    temp = path.with_name(f".{path.name}.tmp")
    with wrap_os_errors("write", path):
        try:
            blocks = [data] if isinstance(data, bytes) else data
            _write(temp, blocks, mode, durable=durable)
            temp.replace(path)
        except BaseException:
            temp.unlink(missing_ok=True)
            raise
        if durable:
            _sync_dir(path.parent)


def _write(path: Path, blocks: Iterable[bytes], mode: int, *, durable: bool) -> None:
    # A new file, always: in a folder that others write to, too, what has its name may be anything.
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with open(os.open(path, flags, PRIVATE_FILE), "wb", buffering=0) as file:  # noqa: PTH123
        _chown_to_parent(file.fileno(), path.parent)
        for block in blocks:
            _write_all(file.fileno(), block)
        os.fchmod(file.fileno(), mode)
        if durable:
            os.fsync(file.fileno())


def append_line(path: Path, line: bytes) -> None:
    """Append a line that survives a loss of power; a torn last line is first brought to its end.

    On failure the file is as it was before.
    """
    with wrap_os_errors("append to", path):
        fd = _open_or_create(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            size = os.fstat(fd).st_size
            torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
            _append(fd, (b"\n" if torn else b"") + line + b"\n", size)
        finally:
            os.close(fd)
        if size == 0:
            _sync_dir(path.parent)


def sync(path: Path) -> None:
    """Let what another process has written to a file survive a loss of power, if it is there."""
    with wrap_os_errors("sync", path):
        try:
            _sync(path)
        except FileNotFoundError:
            return
        _sync_dir(path.parent)


def _open_or_create(path: Path, flags: int) -> int:
    try:
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    except FileExistsError:
        return os.open(path, flags)
    _chown_to_parent(fd, path.parent)
    return fd


def _chown_dir_to_parent(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _chown_to_parent(fd, folder.parent)
    finally:
        os.close(fd)


def _chown_to_parent(fd: int, folder: Path) -> None:
    """Let what root has just made belong to whom the folder around it belongs to.

    Else one `sudo cldmon fetch` would lock out the user that the timer runs as.
    """
    if os.geteuid() == 0:
        owner = folder.stat()
        # Root may be without this right, as in a container: then it is as it was made.
        with contextlib.suppress(PermissionError):
            os.fchown(fd, owner.st_uid, owner.st_gid)


def _append(fd: int, data: bytes, size: int) -> None:
    try:
        _write_all(fd, data)
        os.fsync(fd)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one that tells what to do
            os.ftruncate(fd, size)
        raise


def _write_all(fd: int, data: bytes) -> None:
    # The kernel writes short when the disk runs full; asking again gets its reason.
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _sync_dir(path: Path) -> None:
    _sync(path, os.O_DIRECTORY)


def _sync(path: Path, flags: int = 0) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
