"""Where in a TOML text each key stands: what tomllib does not tell.

The text is known to be valid TOML (tomllib has read it), so this only has to find its way, not
to judge. A path is a tuple of keys and list positions: `("accounts", 1, "label")`.
"""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from functools import lru_cache

KeyPath = tuple[str | int, ...]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_KEY = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*")
_BLANK = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]+|\#[^\n]*)*")
_SCALAR = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*\''''
    r"|\d{4}-\d\d-\d\d[ ]\d\d:[^\s,#\]}]*|[^\s,#\]}]+",
    re.DOTALL,
)


def find_line(text: str, path: KeyPath) -> int | None:
    """Return the line (from 1) of a key, or of the innermost part of its path that stands there.

    None where nothing of the path is written down, as with a missing key of the top level.
    """
    found = positions(text)
    for length in range(len(path), 0, -1):
        if path[:length] in found:
            return text.count("\n", 0, found[path[:length]]) + 1
    return None


@lru_cache(maxsize=1)  # each problem of a broken file asks for its own line
def positions(text: str) -> dict[KeyPath, int]:
    """Return the offset at which each key, table and list item of a valid TOML text begins."""
    scanner = _Scanner(text)
    with suppress(RecursionError, _LostError):  # what was found so far still serves
        scanner.document()
    return scanner.found


class _LostError(Exception):
    """The scanner met what it does not know."""


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[KeyPath, int] = {}
        self.lengths: dict[KeyPath, int] = {}

    def document(self) -> None:
        table: KeyPath = ()
        self.skip(_GAP)
        while self.at < len(self.text):
            table = self.header() if self.text[self.at] == "[" else self.pair(table)
            self.skip(_GAP)

    def header(self) -> KeyPath:
        start, many = self.at, self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        self.skip(_BLANK)
        path = self.resolved(self.key(), start)
        if many:
            number = self.lengths.get(path, 0)
            self.lengths[path] = number + 1
            path = (*path, number)
        self.note(path, start)
        self.skip(_BLANK)
        self.at += 2 if many else 1
        return path

    def resolved(self, parts: KeyPath, start: int) -> KeyPath:
        """Return a header's path with the position of the last item of each list on the way."""
        path: KeyPath = ()
        for number, part in enumerate(parts):
            path = (*path, part)
            self.note(path, start)
            if number < len(parts) - 1 and path in self.lengths:
                path = (*path, self.lengths[path] - 1)
        return path

    def pair(self, table: KeyPath) -> KeyPath:
        start = self.at
        path = table
        for part in self.key():
            path = (*path, part)
            self.note(path, start)
        self.skip(_BLANK)
        self.at += 1  # the equals sign
        self.skip(_BLANK)
        self.value(path)
        return table

    def value(self, path: KeyPath) -> None:
        if self.text.startswith("[", self.at):
            self.items(path)
        elif self.text.startswith("{", self.at):
            self.inline_table(path)
        else:
            self.take(_SCALAR)

    def items(self, path: KeyPath) -> None:
        number = 0
        while not self.closed("]"):
            self.note((*path, number), self.at)
            self.value((*path, number))
            number += 1

    def inline_table(self, path: KeyPath) -> None:
        while not self.closed("}"):
            self.pair(path)

    def closed(self, bracket: str) -> bool:
        """Step over an opening bracket or a comma, and tell whether the closing one follows."""
        self.skip(_GAP)
        if not self.text.startswith(bracket, self.at):
            self.at += self.text[self.at : self.at + 1] in ("[", "{", ",")
            self.skip(_GAP)
        ended = self.text.startswith(bracket, self.at)
        self.at += ended
        return ended

    def key(self) -> KeyPath:
        return _split_key(self.take(_KEY))

    def note(self, path: KeyPath, offset: int) -> None:
        self.found.setdefault(path, offset)

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None or not match.group():
            raise _LostError
        self.at = match.end()
        return match.group()


def _split_key(dotted: str) -> KeyPath:
    """Return the parts of a dotted key; tomllib knows best how they are quoted."""
    table: object = tomllib.loads(f"{dotted} = 0")
    parts: list[str] = []
    while isinstance(table, dict):
        parts += table
        table = table[parts[-1]]
    return tuple(parts)
