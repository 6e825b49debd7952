"""The snapshot in state.json, for readers that change nothing.

Light, because commands such as `status` have to start fast: dataclasses are not imported until a
snapshot is built, and the rest of the file is not decoded.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from cldmon import files
from cldmon.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cldmon.domain.model import Snapshot

T = TypeVar("T")

VERSION = 3
"""The version that is written; an older cldmon does not touch such a file."""
_READABLE = (1, 2, VERSION)

_NOT_OURS = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""Errors from decoding something that no pass wrote."""


class StateCorruptError(StoreError):
    """state.json is not what a pass writes."""


def get_state_path(data_dir: Path) -> Path:
    """Return the path of the state."""
    return data_dir / "state.json"


def load_snapshot(data_dir: Path) -> Snapshot:
    """Return the snapshot of the last pass, or an empty one before the first pass.

    Raises StoreError if the file can't be read or understood.
    """
    from cldmon.domain import snapshot as snapshots
    from cldmon.domain.model import Snapshot

    path = get_state_path(data_dir)
    text = files.read(path)
    if text is None:
        return Snapshot()
    try:
        return decode_json(text, path, lambda body: snapshots.from_json(body["snapshot"]))
    except StateCorruptError as error:
        raise StateCorruptError(f"{error}; the next pass sets it aside") from error


def decode_json(text: bytes, path: Path, decode: Callable[[dict[str, Any]], T]) -> T:
    """Return what `decode` makes of the JSON in a file with a version that we can read.

    Raises StateCorruptError for something that no pass wrote.
    """
    try:
        body = json.loads(text)
        if body["version"] not in _READABLE:
            raise StoreError(f"{path} was written by another version of cldmon: use that one")
        return decode(body)
    except _NOT_OURS as error:
        raise StateCorruptError(f"{path} is not what cldmon writes: it is corrupt") from error
