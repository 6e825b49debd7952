"""The history as it is asked for: lines of a span of time, handed on unparsed wherever possible.

Times are in ms since the epoch, both ends of a span included; what comes out is in order of time.
Lines that are torn, foreign or damaged are left out and hide no other (see `cldmon.store.lines`).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from itertools import chain, groupby
from typing import TYPE_CHECKING, TypeAlias

from cldmon.domain.model import parse_percentage
from cldmon.domain.windows import FULL, flatten, nest
from cldmon.store.days import DAY_MS, read_days
from cldmon.store.sampling import sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from cldmon.domain.series import Point
    from cldmon.store.lines import Day

    Windows: TypeAlias = Mapping[str, int]

CHUNK = 1 << 20
QUARTER_MS = DAY_MS // 4
_DECODER = json.JSONDecoder()
_LABEL = b'{"label":'
_NEXT = b"," + _LABEL
_BEHIND = b'","'
"""What stands between a label without escapes and the first window's name."""
_ESCAPED = re.compile(rb'"([^"\\]*\\.(?:[^"\\]|\\.)*)"')
"""A label with escapes: one of them may look like its end."""
_CLOSE = b"]}\n"
_NEAR = 256
"""Bytes in which an account is looked for first: digits come and go before it."""


def read_array(data_dir: Path, since_ms: int, until_ms: int) -> Iterator[bytes]:
    """Yield the lines of a span of time as one JSON array, in chunks of at most 1 MiB."""
    yield b"["
    held = b""  # the comma behind the last line has to go
    for day in read_days(data_dir, since_ms, until_ms):
        for chunk in _listed(day, day.between(since_ms, until_ms)):
            yield held
            held = chunk
    yield held[:-1]
    yield b"]"


def json_array(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines as one JSON array, in chunks of some 1 MiB."""
    chunk = bytearray(b"[")
    for line in lines:
        chunk += line + b","
        if len(chunk) >= CHUNK:
            yield bytes(chunk[:-1])
            chunk = bytearray(b",")
    yield bytes(chunk.rstrip(b",")) + b"]"


def read_series(
    data_dir: Path, label: str, since_ms: int, until_ms: int, step_ms: int = 1
) -> list[Point]:
    """Return one account's readings in a span of time, from the first line of each step of it.

    Only that account's part of each line is parsed: the label is searched for as the writer
    encodes it, closing quote included, which cannot occur within a string.
    """
    key = _LABEL + json.dumps(label, ensure_ascii=False).encode(errors="surrogatepass")
    known = _Known()
    return [
        (stamp, windows)
        for day in read_days(data_dir, since_ms, until_ms)
        for stamp, values in _picked(day, day.chosen(since_ms, until_ms, step_ms), key)
        if (windows := known[values]) is not None
    ]


def read_all_series(
    data_dir: Path, since_ms: int, until_ms: int, step_ms: int = 1
) -> dict[str, list[Point]]:
    """Return the readings of every account in a span of time, by label as first seen.

    The first line of each step of time is read: a longer step thins what a chart cannot show.
    """
    return _parsed(
        (day.stamps[number], day.line(number))
        for day in read_days(data_dir, since_ms, until_ms)
        for number in day.chosen(since_ms, until_ms, step_ms)
    )


def iter_series(data_dir: Path, since_ms: int, until_ms: int) -> Iterator[dict[str, list[Point]]]:
    """Yield the readings of every account by quarters of a day: of many a week fills the memory."""

    def stamped(day: Day) -> Iterator[tuple[int, bytes]]:
        return ((day.stamps[n], day.line(n)) for n in day.between(since_ms, until_ms))

    # Not in loops of their own: their variables would keep one while the next is read.
    lines = chain.from_iterable(map(stamped, read_days(data_dir, since_ms, until_ms)))
    return (_parsed(part) for _, part in groupby(lines, lambda each: each[0] // QUARTER_MS))


def sample_series(
    data_dir: Path, since_ms: int, until_ms: int, count: int
) -> dict[str, list[Point]]:
    """Return every account's readings nearest after `count` evenly spaced instants of a span."""
    day = sample(data_dir, since_ms, until_ms, count)
    return _parsed((day.stamps[n], day.line(n)) for n in day.between(since_ms, until_ms))


def _parsed(stamped: Iterable[tuple[int, bytes]]) -> dict[str, list[Point]]:
    found: defaultdict[bytes, list[Point]] = defaultdict(list)
    known = _Known()
    for stamp, line in stamped:
        for raw, values in _entries(line):
            if (windows := known[values]) is not None:
                found[raw].append((stamp, windows))
    return {label: found[raw] for raw in found if (label := _label(raw)) is not None}


def format_series(points: Mapping[str, Iterable[Point]]) -> Iterator[bytes]:
    """Yield the readings of some accounts as history lines: label → points in."""
    passes: defaultdict[int, list[tuple[str, Mapping[str, int]]]] = defaultdict(list)
    for label, readings in points.items():
        for stamp, windows in readings:
            passes[stamp].append((label, windows))
    for stamp in sorted(passes):
        accounts = [{"label": label, **nest(windows)} for label, windows in passes[stamp]]
        body = {"timestamp": stamp, "accounts": accounts}
        yield json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


class _Known(dict[bytes, "Windows | None"]):
    """Values of accounts, parsed once each: the same few come again and again."""

    def __missing__(self, values: bytes) -> Windows | None:
        self[values] = windows = _windows(values)
        return windows


def _windows(values: bytes) -> Windows | None:
    """Return what `fiveHour":17,"sevenDay":45}` says, or None where it is damaged."""
    if not values:
        return {}
    try:
        text = '{"' + values.decode()
        found, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if end < len(text):
        return None
    values_by_name = flatten(found)
    if all(type(value) is int and 0 <= value <= FULL for value in values_by_name.values()):
        return values_by_name  # as the writer has it
    return {
        name: percent
        for name, value in values_by_name.items()
        if (percent := parse_percentage(value)) is not None
    }


def _label(raw: bytes) -> str | None:
    """Return the label that a raw one, which lacks its quotes, stands for."""
    try:
        return str(json.loads(b'"%b"' % raw))
    except ValueError:
        return None


def _picked(day: Day, numbers: Iterable[int], key: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the times of the lines that an account is in, and its values there.

    It is looked for near its place in the line before first: that is where it mostly is.
    """
    find, near = day.text.find, 0
    for stamp, start, end in day.placed(numbers):
        found = find(key, start + near, start + near + _NEAR)
        if not 0 <= found < end and (found := find(key, start, end)) < 0:
            continue
        near = max(0, found - start - _NEAR // 2)
        begin = found + len(key) + len(_BEHIND) - 1
        following = find(_NEXT, found, end)
        yield stamp, day.text[begin : following if following >= 0 else end - len(_CLOSE)]


def _entries(line: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each account's label, as it is written but for its quotes, and its values."""
    entries = line[line.find(b"[") + 1 + len(_LABEL) : 1 - len(_CLOSE)].split(_NEXT)
    for entry in filter(None, entries):  # there is an empty one where no account was read
        if (label := _ESCAPED.match(entry)) is not None:
            yield label[1], entry[label.end() + len(_BEHIND) - 1 :]
            continue
        raw, behind, values = entry[1:].partition(_BEHIND)
        yield (raw if behind else raw[:-2]), values


def _listed(day: Day, span: range) -> Iterator[bytes]:
    """Yield lines with a comma behind each; where they are all of a text, it is copied but once."""
    end = day.start(span.stop)
    for start in range(day.start(span.start), end, CHUNK):
        yield day.text[start : min(start + CHUNK, end)].replace(b"\n", b",")
