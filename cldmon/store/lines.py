"""The valid lines of a day of history, in order of time, even if the text is damaged.

Every line is checked, not just those that bisection would hit: when the clock steps back, lines
are out of order. For a day of 10 MB this takes about 5 ms, less than reading it.

A line in the writer's exact form is used as it is, without parsing anything between its beginning
and end. Any other line is parsed, and reserialized in that form or left out.
"""

from __future__ import annotations

import itertools
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from cldmon.store.history import PREFIX, serialize_pass

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import Any, TypeAlias

    Parse: TypeAlias = Callable[[bytes], Iterable[bytes]]
    """Returns what is valid in a line, each in the writer's form."""

_PREFIX = re.compile(re.escape(PREFIX))
_BEGIN = re.compile(rb'\{"timestamp":(\d{1,15}),"accounts":\[(?:\{"label":"|(\]\}\Z))')
"""How a line begins; if the pass read no account, this is the whole line."""
_END = b"}]}"
_UNUSUAL_ESCAPE = re.compile(rb'\\[^"\\]')
_CONTROLS = bytes(code for code in range(32) if code != ord("\n"))

_BLANK = b"\0\t\r "
_MAX_STAMP = 10**15
_LINE = re.compile(rb"[^\0\t\r \n][^\n]{28,}")
"""A line without leading blanks, at least as long as `{"timestamp":0,"accounts":[]}`."""

LONGEST_LINE = 1 << 22
"""Bytes: fifty thousand accounts."""

LARGEST_DAY = 3 << 24
"""Bytes of a day kept in memory: 100 accounts read every minute make 10 MB a day."""

MOST_LINES = 300_000
"""Lines of a day that are checked if it needs repair: a pass a second makes 86,400."""

_OVERHEAD = 100
"""Bytes of memory that each line takes besides its text."""


def index_lines(text: bytes, stamps: array[int], starts: array[int]) -> bool:
    """Append the times in ms of a text's lines to `stamps`, and the end of each to `starts`.

    Return False if the text needs repair, or if a line is not later than the one before.
    """
    if not _is_sound(text):
        return False
    start, offset, before = 0, starts[-1], stamps[-1] if stamps else -1
    while start < len(text):
        end = text.find(b"\n", start)
        stamp = _match_stamp(text, start, end)
        if stamp is None or stamp <= before:
            return False
        start, before = end + 1, stamp
        stamps.append(stamp)
        starts.append(offset + start)
    return True


def normalize(blocks: Iterable[bytes], path: Path, parse: Parse) -> list[bytes]:
    """Return the valid lines of a text given in blocks, without duplicates, in order of time.

    Of more than `LARGEST_DAY` bytes or `MOST_LINES` lines, only the first are returned.
    """
    import logging  # here because `status`, which reads history too, has to start fast

    logger = logging.getLogger(__name__)
    good: dict[bytes, None] = {}
    size = checked = dropped = 0
    for line in _split_lines(blocks):
        if size > LARGEST_DAY or checked > MOST_LINES:
            logger.info("%s: too large for a day; the rest was left out", path)
            break
        checked += max(1, line.count(PREFIX))
        if line in good:
            continue
        found = [*parse(line)]
        good.update(dict.fromkeys(found))
        dropped += not found
        size += sum(len(each) + _OVERHEAD for each in found)
    if dropped:
        logger.info("%s: %d damaged or foreign lines were left out", path, dropped)
    return sorted(good, key=parse_stamp)


def parse_stamp(text: bytes, start: int = 0) -> int:
    """Return the time in ms of the valid line that begins at `start`."""
    return int(text[start + len(PREFIX) : text.index(b",", start)])


def _is_sound(text: bytes) -> bool:
    """Return whether a text can be JSON lines, and has no escapes other than ours."""
    if not text.isascii():  # checked first: decoding takes ten times as long
        try:
            text.decode()
        except UnicodeDecodeError:
            return False
    has_controls = len(text.translate(None, _CONTROLS)) < len(text)
    return not has_controls and not (b"\\" in text and _UNUSUAL_ESCAPE.search(text))


def _match_stamp(text: bytes, start: int, end: int) -> int | None:
    """Return the time of a line in the writer's exact form, or None.

    A truncated line, or one joined to another, does not have that form. A line has a single pair
    of brackets, apart from those in labels: that is checked first because it is fast.
    """
    begin = _BEGIN.match(text, start, end) if end > start else None
    if begin is None:
        return None
    body = begin.end()
    if not begin[2] and (
        not text.endswith(_END, start, end)
        or (text.find(b"[", body, end) >= 0 and text.find(PREFIX, body, end) >= 0)
        or (text.find(b"]", body, end) < end - 2 and text.find(_END, body, end) < end - 3)
    ):
        return None
    return int(begin[1])


def _split_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a text that may contain a pass, without surrounding blanks."""
    rest = b""
    for block in blocks:
        text = rest + block
        end = text.rfind(b"\n") + 1
        for line in _LINE.findall(text, 0, end):
            yield line.rstrip(_BLANK)
        rest = text[end:].lstrip(_BLANK)
        if len(rest) > LONGEST_LINE:  # not one of our lines, but one may begin within it
            yield rest
            rest = rest[max(rest.rfind(PREFIX), len(rest) - LONGEST_LINE // 2) :]
    if rest:
        yield rest.rstrip(_BLANK)


def parse_passes(line: bytes) -> Iterator[bytes]:
    """Yield each pass in a line of the history, in the writer's form."""
    if _match_stamp(line, 0, len(line)) is not None and _is_sound(line):
        yield line
        return
    for body in decode_objects(line):
        if _is_pass(body):
            # The label comes first in our form.
            accounts = [{"label": entry["label"], **entry} for entry in body["accounts"]]
            with suppress(UnicodeEncodeError):
                yield serialize_pass(body["timestamp"], accounts).encode()


def decode_objects(line: bytes) -> Iterator[Any]:
    """Yield each JSON value in a line that begins as ours do; other bytes may surround it."""
    if b'"timestamp"' not in line:
        return
    starts = {0, *(match.start() for match in _PREFIX.finditer(line))}
    for start, end in itertools.pairwise([*sorted(starts), len(line)]):
        with suppress(ValueError, RecursionError):
            yield _DECODER.raw_decode(line[start:end].decode(errors="surrogateescape"))[0]


def _is_pass(body: object) -> bool:
    return (
        isinstance(body, dict)
        and type(body.get("timestamp")) is int
        and 0 <= body["timestamp"] < _MAX_STAMP
        and isinstance(body.get("accounts"), list)
        and all(isinstance(e, dict) and isinstance(e.get("label"), str) for e in body["accounts"])
    )


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
