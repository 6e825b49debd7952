"""The line by which cldmon knows again what it wrote, and that nobody has changed it since."""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum

_SEAL = "# Written by `cldmon schedule` (sha256 {}). A changed one is left alone.\n"
_PATTERN = re.compile(re.escape(_SEAL).replace(r"\{\}", "([0-9a-f]{16})"))


class Origin(StrEnum):
    """Who wrote a text."""

    OURS = "written by cldmon"
    CHANGED = "written by cldmon, but changed since"
    FOREIGN = "not written by cldmon"


def with_checksum(text: str) -> str:
    """Return a text with its seal on top."""
    return _SEAL.format(_digest(text)) + text


def origin(text: str) -> Origin:
    """Return who wrote a text that was found somewhere."""
    match = _PATTERN.match(text)
    if match is None:
        return Origin.FOREIGN
    return Origin.OURS if match[1] == _digest(text[match.end() :]) else Origin.CHANGED


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
