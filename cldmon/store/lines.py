"""The good lines of a day of history, in order of time, whatever state its text is in.

Every line start is looked at rather than found by bisection, for a clock that stepped back leaves
lines out of order; for a day file of 10 MB that costs some 5 ms, less than reading it.

A line is taken as it is when it has the writer's exact form from beginning to end; what lies
between is not parsed. Any other line goes through a real parser, and is written anew in that form
(without keys that the form does not know) or left out.
"""

from __future__ import annotations

import itertools
import json
import re
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from cldmon.store.history import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_BEGIN = re.compile(rb'\{"timestamp":(\d{1,15}),"accounts":\[(?:\{"label":"|(\]\}\Z))')
"""How a line begins; one of a pass that read no account is all of it."""
_END = b"}]}"
_UNUSUAL_ESCAPE = re.compile(rb'\\[^"\\]')
_CONTROLS = [bytes([code]) for code in range(32) if code != ord("\n")]
"""Looked for one by one, which is faster than any search for them together."""

_BLANK = b"\0\t\r "
_MAX_STAMP = 10**15
_LINE = re.compile(rb"[^\0\t\r \n][^\n]{28,}")
"""A line without blanks before it, at least as long as `{"timestamp":0,"accounts":[]}`."""

LONGEST_LINE = 1 << 22
"""Bytes: fifty thousand accounts."""

LARGEST_DAY = 3 << 24
"""Bytes of a day that are held in memory: a hundred accounts a minute make 10 MB a day."""

MOST_LINES = 300_000
"""Lines of a day that are looked at where it needs repair: a pass a second makes 86,400."""

_OVERHEAD = 100
"""Bytes that each line takes beside its text."""

CHUNK = 1 << 18
"""Bytes that are handed on together, or one line: with their copies still in the cache when they
are sent, and little enough that the C library's allocator does not keep more of what is free."""


@dataclass(frozen=True, slots=True)
class Day:
    """The good lines of a day, oldest first: `text` is those lines, each with its line end.

    `stamps[i]` is the time in ms of the line that begins at `starts[i]`.
    """

    text: bytes
    stamps: Sequence[int]
    starts: Sequence[int]

    def between(self, since_ms: int, until_ms: int) -> range:
        """Return the numbers of the lines in a span of time, both ends included."""
        return range(bisect_left(self.stamps, since_ms), bisect_right(self.stamps, until_ms))

    def chosen(self, since_ms: int, until_ms: int, step_ms: int) -> Iterable[int]:
        """Return the numbers of the lines in a span of time, thinned to the first of each step."""
        span = self.between(since_ms, until_ms)
        return span if step_ms <= 1 else self._firsts(span, step_ms)

    def placed(self, numbers: Iterable[int]) -> Iterator[tuple[int, int, int]]:
        """Yield the time in ms of each of these lines, where it begins, and where the next does."""
        if isinstance(numbers, range):  # that is, mostly
            chosen = slice(numbers.start, numbers.stop)
            ends = [*self.starts[numbers.start + 1 : numbers.stop], self.start(numbers.stop)]
            return zip(self.stamps[chosen], self.starts[chosen], ends, strict=False)
        return ((self.stamps[n], self.starts[n], self.start(n + 1)) for n in numbers)

    def _firsts(self, span: range, step_ms: int) -> Iterator[int]:
        number = span.start
        while number < span.stop:
            yield number
            following = (self.stamps[number] // step_ms + 1) * step_ms
            number = bisect_left(self.stamps, following, number)

    def start(self, number: int) -> int:
        """Return where a line begins; the one after the last begins at the end of the text."""
        return self.starts[number] if number < len(self.starts) else len(self.text)

    def line(self, number: int) -> bytes:
        """Return a line without its end."""
        return self.text[self.start(number) : self.start(number + 1) - 1]


def normalize(blocks: Iterable[bytes], path: Path) -> list[bytes]:
    """Return the good lines of a text that comes in blocks, each once, in order of time.

    Of more than `LARGEST_DAY` bytes or `MOST_LINES`, those that come first.
    """
    good: dict[bytes, None] = {}
    size = looked_at = dropped = 0
    for line, is_sound in _lines(blocks):
        if size > LARGEST_DAY or looked_at > MOST_LINES:
            _note(path, "more than a day ever has was left out")
            break
        looked_at += max(1, line.count(PREFIX))
        if line in good:
            continue
        found = [line] if _is_ours(line, is_sound=is_sound) else [*_repair(line)]
        good.update(dict.fromkeys(found))
        dropped += not found
        size += sum(len(each) + _OVERHEAD for each in found)
    if dropped:
        _note(path, f"{dropped} damaged or foreign lines were left out")
    return sorted(good, key=_stamp)


def split_days(lines: Sequence[bytes]) -> Iterator[Day]:
    """Yield good lines, sorted by time, in pieces of `CHUNK` bytes or one line."""
    some: list[bytes] = []
    size = 0
    for line in lines:
        if some and size + len(line) >= CHUNK:
            yield join_lines(some)
            some, size = [], 0
        some.append(line)
        size += len(line) + 1
    yield join_lines(some)


def join_lines(lines: Sequence[bytes]) -> Day:
    """Return good lines, sorted by time, as a day."""
    starts, position = [], 0
    for line in lines:
        starts.append(position)
        position += len(line) + 1
    return Day(b"".join(line + b"\n" for line in lines), [_stamp(line) for line in lines], starts)


def index_lines(text: bytes, after_ms: int = -1) -> tuple[array[int], array[int]] | None:
    """Return the times in ms of a text's lines, and where they begin.

    None where it needs any repair, or a line is not later than the one before; than `after_ms`, for
    the first.
    """
    if not _is_sound(text):
        return None
    stamps, starts = array("q"), array("q")
    start, before = 0, after_ms
    while start < len(text):
        end = text.find(b"\n", start)
        stamp = _stamp_of_shaped(text, start, end)
        if stamp is None or stamp <= before:
            return None
        stamps.append(stamp)
        starts.append(start)
        start, before = end + 1, stamp
    return stamps, starts


def _is_sound(text: bytes) -> bool:
    """Return whether a text can be JSON lines at all, and is escaped in no other way than ours."""
    return (
        not any(control in text for control in _CONTROLS)
        and (text.isascii() or _is_utf8(text))
        and not (b"\\" in text and _UNUSUAL_ESCAPE.search(text))
    )


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _stamp_of_shaped(text: bytes, start: int, end: int) -> int | None:
    """Return the time of a line in the writer's exact form, or None.

    It is not that when it is torn or glued to another. There is one pair of brackets in a line,
    but for those in labels: the quick look comes first.
    """
    begin = _BEGIN.match(text, start, end) if end > start else None
    if begin is None:
        return None
    if begin[2]:
        return int(begin[1])
    body = begin.end()
    if (
        not text.endswith(_END, start, end)
        or (text.find(b"[", body, end) >= 0 and text.find(PREFIX, body, end) >= 0)
        or (text.find(b"]", body, end) < end - 2 and text.find(_END, body, end) < end - 3)
    ):
        return None
    return int(begin[1])


def _lines(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield the lines of a text, without the blanks around them, that may hold a pass at all.

    With each, whether it is known to be sound: looking at many at a time is faster.
    """
    rest = b""
    for block in blocks:
        text = rest + block
        end = text.rfind(b"\n") + 1
        is_sound = _is_sound(text[:end])
        for line in _LINE.findall(text, 0, end):
            yield line.rstrip(_BLANK), is_sound
        rest = text[end:].lstrip(_BLANK)
        if len(rest) > LONGEST_LINE:  # no line of ours, but the beginning of one may stand in it
            yield rest, False
            rest = rest[max(rest.rfind(PREFIX), len(rest) - LONGEST_LINE // 2) :]
    if rest:
        yield rest.rstrip(_BLANK), False


def _is_ours(line: bytes, *, is_sound: bool) -> bool:
    return _stamp_of_shaped(line, 0, len(line)) is not None and (is_sound or _is_sound(line))


def _note(path: Path, what: str) -> None:
    import logging  # here, for `status` reads history too and has to start fast

    logging.getLogger(__name__).info("%s: %s", path, what)


def _repair(line: bytes) -> Iterator[bytes]:
    """Yield each pass in a line, in the writer's form: other bytes may have been glued to it."""
    if b'"timestamp"' not in line:
        return
    starts = {0, *(match.start() for match in re.finditer(re.escape(PREFIX), line))}
    for start, end in itertools.pairwise([*sorted(starts), len(line)]):
        if good := _reserialize(line[start:end]):
            yield good


def _reserialize(piece: bytes) -> bytes | None:
    """Return the pass that a piece of a line begins with, in the writer's form, or None."""
    try:
        body, _ = _DECODER.raw_decode(piece.decode(errors="surrogateescape"))
        return _in_our_form(body) if _is_pass(body) else None
    except (ValueError, RecursionError):
        return None


def _in_our_form(body: dict[str, Any]) -> bytes:
    accounts = [{"label": entry["label"], **entry} for entry in body["accounts"]]
    known = {"timestamp": body["timestamp"], "accounts": accounts}
    return json.dumps(known, ensure_ascii=False, separators=(",", ":")).encode()


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


def _stamp(line: bytes) -> int:
    return int(line[len(PREFIX) : line.index(b",")])
