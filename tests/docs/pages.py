"""The pages of the documentation, cut into what can be run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block of a page, and its line there."""

    language: str
    text: str
    line: int


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(name: str) -> list[Block]:
    """Return the blocks of a page in order."""
    return cut(page(name))


def cut(text: str) -> list[Block]:
    """Return the blocks of a text in order."""
    return [
        Block(found[2], _dedented(found[3], found[1]), text.count("\n", 0, found.start()) + 1)
        for found in _BLOCK.finditer(text)
    ]


def _dedented(text: str, margin: str) -> str:
    return "".join(line.removeprefix(margin) for line in text.splitlines(keepends=True))
