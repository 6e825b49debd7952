"""The pages of the documentation and their code blocks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced code block and its line on the page."""

    language: str
    text: str
    line: int


def read_page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def page_blocks(name: str) -> list[Block]:
    """Return the code blocks of a page in order."""
    return split_blocks(read_page(name))


def split_blocks(text: str) -> list[Block]:
    """Return the code blocks of a text in order, without their indentation."""
    return [
        Block(
            match[2],
            "".join(line.removeprefix(match[1]) for line in match[3].splitlines(keepends=True)),
            text.count("\n", 0, match.start()) + 1,
        )
        for match in _BLOCK.finditer(text)
    ]
