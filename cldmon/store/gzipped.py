"""What can be read of a gzipped file, whole or torn."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

_GZIP = 31
"""zlib's window bits for a gzip header."""
_PACKED = 1 << 16
_UNPACKED = 1 << 20
"""Bytes that are read, and unpacked, together: a thousand times as much may come of a few."""


def decompress(file: FileIO) -> Iterator[bytes]:
    """Yield what can be unpacked of a gzip file; of a torn or damaged one, what comes before."""
    unzip, packed = zlib.decompressobj(_GZIP), b""
    while packed := packed or file.read(_PACKED) or b"":
        try:
            yield unzip.decompress(packed, _UNPACKED)
        except zlib.error:
            return
        packed = unzip.unconsumed_tail
        if unzip.eof:  # it may have several members
            unzip, packed = zlib.decompressobj(_GZIP), unzip.unused_data
