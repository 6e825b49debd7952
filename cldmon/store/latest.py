"""The snapshot in state.json, for those who only look.

Light on purpose: nothing here imports dataclasses until a snapshot is made, for the line of a
status bar does without. The rest of the file is left undecoded.
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
"""Written; an older cldmon leaves a file of it alone."""
_READABLE = (1, 2, VERSION)

_NOT_OURS = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What comes of decoding something that no pass wrote."""


class StateCorruptError(StoreError):
    """state.json is not what a pass writes."""


def get_state_path(data_dir: Path) -> Path:
    """Return where the state is kept."""
    return data_dir / "state.json"


def load_snapshot(data_dir: Path) -> Snapshot:
    """Return what the last pass left, an empty snapshot before the first one.

    Raises `StoreError` for a file that cannot be read or understood.
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
    """Return what `decode` makes of the JSON in a file of a version that we can read.

    Raises `StateCorruptError` where it is something that no pass wrote.
    """
    try:
        body = json.loads(text)
        if body["version"] not in _READABLE:
            raise StoreError(f"{path} was written by another version of cldmon: use that one")
        return decode(body)
    except _NOT_OURS as error:
        raise StateCorruptError(f"{path} is not what cldmon writes: it is corrupt") from error
