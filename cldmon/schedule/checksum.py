"""The first line of a generated text, which shows that cldmon wrote it and if it was edited."""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum

_LINE = "# Written by `cldmon schedule` (sha256 {}), which leaves it alone once it is edited.\n"
_PATTERN = re.compile(
    r"# Written by `cldmon schedule` \(sha256 ([0-9a-f]{16})\)"
    # The second ending is that of older versions, whose units are still installed.
    r"(?:, which leaves it alone once it is edited|\. A changed one is left alone)\.\n"
)


class Origin(StrEnum):
    """Who wrote a text."""

    OURS = "written by cldmon"
    CHANGED = "written by cldmon, but changed since"
    FOREIGN = "not written by cldmon"


def add_checksum(text: str) -> str:
    """Return a text with its checksum line on top."""
    return _LINE.format(_compute_digest(text)) + text


def get_origin(text: str) -> Origin:
    """Return who wrote a text."""
    match = _PATTERN.match(text)
    if match is None:
        return Origin.FOREIGN
    return Origin.OURS if match[1] == _compute_digest(text[match.end() :]) else Origin.CHANGED


def _compute_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
