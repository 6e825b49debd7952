"""Files: locks, synced appends, atomic replacement, private modes.

Every OSError is raised as a `StoreError` that names the file and suggests a fix.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import sys
import time
from io import FileIO
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from cldmon.errors import BusyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

T = TypeVar("T")

Version: TypeAlias = tuple[int, int, int]
"""Modification time in ns, inode and size of a file."""

PRIVATE_FILE = 0o600
PRIVATE_DIR = 0o700

LARGEST_FILE = 1 << 25
"""Bytes; the member list of a large Slack workspace has some ten million."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05
"""Seconds between attempts to lock a file."""

_CHECK_OWNER = "check its owner and mode, or run as the user that owns it"
_ADVICE = {
    errno.EACCES: _CHECK_OWNER,
    errno.EPERM: _CHECK_OWNER,
    errno.EROFS: "the file system is mounted read-only",
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EIO: "the disk reports an error: check it",
    errno.ELOOP: "it is a symbolic link, and cldmon does not write through one: remove it",
}


_READING = ("list", "open the lock", "read")
"""What any command begins with. A file that is only written may rightly belong to others."""


def advise_user(path: Path) -> str:
    """Return what to do if this user may not read a path: run the command as its owner."""
    owners = []
    for place in (path, *path.parents):
        with contextlib.suppress(OSError):
            owners.append(place.stat().st_uid)
    # What another user left in a folder of one's own has to be given back.
    if not owners or os.geteuid() in owners[:2]:
        return _CHECK_OWNER
    import pwd
    import shlex

    try:
        name = pwd.getpwuid(owners[0]).pw_name
    except KeyError:
        name = f"#{owners[0]}"
    user = ["-u", name] if owners[0] else []
    return f"try: {shlex.join(['sudo', *user, 'cldmon', *sys.argv[1:]])}"


@contextlib.contextmanager
def wrap_os_errors(action: str, path: Path) -> Iterator[None]:
    """Turn an OSError into a `StoreError`: `cannot write /var/…: No space left …`."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0)
        if error.errno == errno.EACCES and action in _READING:
            advice = advise_user(path)
        reason = error.strerror or type(error).__name__
        message = f"cannot {action} {path}: {reason}" + (f" ({advice})" if advice else "")
        raise StoreError(message) from error


def create_private_dir(path: Path) -> None:
    """Create a folder and the missing ones above it, accessible only by their owner.

    pathlib would create those above with the umask's mode. Each new one survives a loss of power.
    """
    with wrap_os_errors("make the folder", path):
        for folder in (*reversed(path.parents), path):
            if not folder.is_dir():
                folder.mkdir(mode=PRIVATE_DIR, exist_ok=True)
                fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW)
                try:
                    _chown_to_parent(fd, folder.parent)
                finally:
                    os.close(fd)
                with contextlib.suppress(PermissionError):  # the folder above may be unreadable
                    _sync(folder.parent, os.O_DIRECTORY)


def read(path: Path) -> bytes | None:
    """Return the bytes of a file, or None if it does not exist.

    Raises `StoreError`, also if it is larger than any file of ours that is read whole.
    """
    with wrap_os_errors("read", path):
        try:
            with open_regular(path) as file:
                if os.fstat(file.fileno()).st_size > LARGEST_FILE:
                    raise StoreError(
                        f"cannot read {path}: it is too large to be cldmon's: move it away"
                    )
                return file.read()
        except FileNotFoundError:
            return None


def open_regular(path: Path) -> FileIO:
    """Open a file to read it, unbuffered; raises OSError, also for a pipe or a device.

    If somebody else could put one of those into our folder, it would block us forever.
    """
    file = FileIO(path, opener=_open_nonblocking)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file")
    return file


def _open_nonblocking(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


@contextlib.contextmanager
def lock(path: Path, *, wait: float, busy: str | None = None) -> Iterator[None]:
    """Hold an exclusive lock while the block runs; the kernel releases it if we die.

    If another process holds it for longer than `wait` seconds, raises `BusyError`, which says
    `busy` and names that process.
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
            ours = f"{os.getpid()}\n".encode()
            if os.pread(fd, len(ours) + 1, 0) != ours:  # `serve` locks the same files often
                os.ftruncate(fd, 0)
                os.pwrite(fd, ours, 0)
        yield
    finally:
        with contextlib.suppress(OSError):  # a failing disk; the lock is released anyway
            os.close(fd)


def _try_lock(fd: int, wait: float) -> bool:
    """Try to lock a file for `wait` seconds; flock itself would wait forever."""
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
    path: Path, data: bytes | Iterable[bytes], *, mode: int = PRIVATE_FILE, durable: bool = True
) -> None:
    """Replace a file as a whole: a reader sees either the old one or the new one.

    `data` may come in blocks. If several processes may write the file, the caller holds a lock.
    When this returns, a durable file survives a loss of power.
    """
    # One fixed name next to it: what a killed writer left is removed by the next.
    temp = path.with_name(f".{path.name}.tmp")
    with wrap_os_errors("write", path):
        try:
            # Always a new file: if others may write to the folder, that name may be anything.
            temp.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with FileIO(os.open(temp, flags, PRIVATE_FILE), "w") as file:
                _chown_to_parent(file.fileno(), path.parent)
                for block in [data] if isinstance(data, bytes) else data:
                    _write_all(file.fileno(), block)
                os.fchmod(file.fileno(), mode)
                if durable:
                    os.fsync(file.fileno())
            temp.replace(path)
        except BaseException:
            temp.unlink(missing_ok=True)
            raise
        if durable:
            _sync(path.parent, os.O_DIRECTORY)


def append_line(path: Path, line: bytes) -> None:
    """Append a line that survives a loss of power; a torn last line is ended first.

    On failure the file is as it was before.
    """
    with wrap_os_errors("append to", path):
        fd = _open_or_create(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            size = os.fstat(fd).st_size
            is_torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
            try:
                _write_all(fd, (b"\n" if is_torn else b"") + line + b"\n")
                os.fsync(fd)
            except BaseException:
                with contextlib.suppress(OSError):  # the first error is the one to report
                    os.ftruncate(fd, size)
                raise
        finally:
            os.close(fd)
        if size == 0:
            _sync(path.parent, os.O_DIRECTORY)


def sync(path: Path) -> None:
    """Make what another process has written to a file, if it exists, survive a loss of power."""
    with wrap_os_errors("sync", path):
        try:
            _sync(path)
        except FileNotFoundError:
            return
        _sync(path.parent, os.O_DIRECTORY)


def _open_or_create(path: Path, flags: int) -> int:
    try:
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    except FileExistsError:
        return os.open(path, flags)
    _chown_to_parent(fd, path.parent)
    return fd


def _chown_to_parent(fd: int, folder: Path) -> None:
    """Give what root has just created to the owner of the folder that contains it.

    Otherwise one `sudo cldmon fetch` would lock out the user that the timer runs as.
    """
    if os.geteuid() == 0:
        owner = folder.stat()
        # Root may lack this right, as in a container: then root remains the owner.
        with contextlib.suppress(PermissionError):
            os.fchown(fd, owner.st_uid, owner.st_gid)


def _write_all(fd: int, data: bytes) -> None:
    # When the disk fills up, a write is short; only the next one raises the reason.
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _sync(path: Path, flags: int = 0) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def get_version(file: str | Path | int) -> Version | None:
    """Return what differs between two versions of a file (a path or a descriptor).

    None if there is no such file.
    """
    try:
        found = os.stat(file)  # noqa: PTH116 - a descriptor, too
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


class FileCache(Generic[T]):
    """The value that `load` makes of the file at `path`. Threads may share it."""

    def __init__(self, path: Path, load: Callable[[], T]) -> None:
        self.path = path
        self._load = load
        self._last: tuple[Version | None, T] | None = None

    def value(self) -> T:
        """Return the value, or raise what `load` raises."""
        # Taken before the file is read, so that the next call notices a change in between.
        version, last = get_version(self.path), self._last
        if last is None or last[0] != version:
            last = self._last = (version, self._load())
        return last[1]
