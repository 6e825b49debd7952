"""What can be read of a gzipped file, whole or torn."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_GZIP = 31
"""zlib's window bits for a gzip header."""
_BLOCK = 1 << 16
LARGEST_DAY = 1 << 26
"""Bytes that are unpacked of a file, and some: a hundred accounts a minute make 10 MB a day."""


def unzipped(data: bytes) -> bytes:
    """Return what can be unpacked of a gzip file; of a torn or damaged one, what comes before.

    So too of one that would fill the memory.
    """
    unpacked = bytearray()
    for piece in _pieces(data):
        unpacked += piece
        if len(unpacked) > LARGEST_DAY:
            break
    return bytes(unpacked)


def _pieces(data: bytes) -> Iterator[bytes]:
    while data:  # it may have several members
        unzip = zlib.decompressobj(_GZIP)
        try:
            # In blocks, so that damage costs no more than the block that it is in.
            for start in range(0, len(data), _BLOCK):
                yield unzip.decompress(data[start : start + _BLOCK])
                if unzip.eof:
                    break
        except zlib.error:
            return
        data = unzip.unused_data + data[start + _BLOCK :] if unzip.eof else b""
