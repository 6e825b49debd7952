"""What can be in the place of a file: damaged content, or no file at all."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Damage = Callable[[Path], object]


def _change(alter: Callable[[bytes], bytes], path: Path) -> None:
    path.write_bytes(alter(path.read_bytes()))


def _put(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _replace(make: Callable[[Path], object], path: Path) -> None:
    path.unlink()
    make(path)


def _link(target: str, path: Path) -> None:
    path.symlink_to(target)


CONTENTS: dict[str, Damage] = {
    "cut by three bytes": partial(_change, lambda was: was[:-3]),
    "cut in half": partial(_change, lambda was: was[: len(was) // 2]),
    "empty": partial(_put, b""),
    "zeros": partial(_change, lambda was: b"\0" * len(was)),
    "zeros at the end": partial(_change, lambda was: was + b"\0" * 5_000),
    "invalid UTF-8": partial(_change, lambda was: was + b"\xff"),
    "a list": partial(_put, b"[]"),
    "an endless number": partial(_put, b"9" * 1_000_000),
    "strings": partial(_put, b'{"u1": "x", "version": 1, "users": []}'),
    "nested deeply": partial(_put, b"[" * 1_000_000),
    "objects nested deeply": partial(_put, b'{"a":' * 1_000_000),
    "a far future": partial(_put, b'{"*": 99999999999999}'),
    "a terabyte": lambda path: os.truncate(path, 1 << 40),
}
"""What can be in a file."""

PLACES: dict[str, Damage] = {
    "a pipe": partial(_replace, os.mkfifo),
    "a link to nowhere": partial(_replace, partial(_link, "nowhere")),
    "a link to itself": lambda path: _replace(partial(_link, path.name), path),
    "a device": partial(_replace, partial(_link, "/dev/zero")),
    "a folder": partial(_replace, os.mkdir),
}
"""What can be in the place of a file."""
