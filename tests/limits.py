"""Make the kernel refuse: a full disk, no more files, no more threads."""

from __future__ import annotations

import contextlib
import resource
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def limit_file_size(size: int) -> Iterator[None]:
    """Limit files to `size` bytes: what fits is written, the rest is refused (EFBIG).

    A short write, then an error, as on a disk that runs full.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def forbid_files() -> Iterator[None]:
    """Make each attempt to open a file fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def forbid_threads() -> Iterator[None]:
    """Make each attempt to start a thread fail, by stacks that do not fit into memory."""
    before = threading.stack_size(1 << 46)
    try:
        yield
    finally:
        threading.stack_size(before)
