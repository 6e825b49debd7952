"""On which line of a TOML text each key stands: what tomllib does not tell.

The text is known to be valid TOML (tomllib has read it), so this only has to tell its statements
apart. A path is a tuple of keys and list positions: `("accounts", 1, "label")`.
"""

from __future__ import annotations

import tomllib
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

KeyPath = tuple[str | int, ...]

_LONGEST = 1 << 12
"""Characters of a value on many lines: with each of them, it is parsed from its beginning."""


def find_line(text: str, path: KeyPath) -> int | None:
    """Return the line (from 1) of a key, or of the innermost part of its path that stands there.

    None where nothing of the path is written down, as with a missing key of the top level.
    """
    lines = find_lines(text)
    parts = (path[:length] for length in range(len(path), 0, -1))
    return next((lines[part] for part in parts if part in lines), None)


@lru_cache(maxsize=1)  # each problem of a broken file asks for its own line
def find_lines(text: str) -> dict[KeyPath, int]:
    """Return the line on which each key, table and list item of a valid TOML text begins."""
    lines: dict[KeyPath, int] = {}
    lengths: dict[KeyPath, int] = {}
    table: KeyPath = ()
    statement, begin, first = "", 1, 0
    with suppress(RecursionError):  # what has been found by then still serves
        for number, line in enumerate(text.split("\n"), 1):
            statement += f"{line}\n"
            whole = _parse(statement)
            # A list that goes on is closed early, with one more item.
            parsed = _parse(f"{statement}0]") if whole is None else whole
            if parsed is None and len(statement) > _LONGEST:
                break
            if parsed is None:
                continue
            if statement.lstrip().startswith("["):
                paths = list(_open_table(parsed, lengths))
                table = paths[-1]
            else:
                paths = list(_walk(parsed, table, first))
            if whole is None:  # the rest of the list is parsed without the items so far
                first = int(paths.pop()[-1])
                statement = _cut_items(statement)
            else:
                statement, first = "", 0
            for path in paths:
                lines.setdefault(path, begin)
            begin = number + 1
    return lines


def _parse(statement: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(statement)
    except ValueError:
        return None


def _open_table(header: Any, lengths: dict[KeyPath, int]) -> Iterator[KeyPath]:
    """Yield the paths that a parsed header names, the table's last; a list's is its last item."""
    path: KeyPath = ()
    while header:
        [(key, header)] = header.items()
        path = (*path, key)
        yield path
        if isinstance(header, list):
            [header] = header
            lengths[path] = lengths.get(path, 0) + 1
        if path in lengths:
            path = (*path, lengths[path] - 1)
            yield path


def _cut_items(statement: str) -> str:
    """Return the statement of a list up to the bracket that opens it; its key may have some."""
    heads = (statement[: n + 1] for n, character in enumerate(statement) if character == "[")
    return next(head for head in heads if _parse(f"{head}]"))


def _walk(value: Any, path: KeyPath, first: int = 0) -> Iterator[KeyPath]:
    """Yield the path of everything in a value; the items of an outer list count from `first`."""
    is_list = isinstance(value, list)
    for key, inner in enumerate(value, first) if is_list else value.items():
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from _walk(inner, (*path, key), 0 if is_list else first)
