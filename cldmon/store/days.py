"""One day of history in memory: its good lines in order of time, whatever state the file is in.

Read whole rather than mapped: a mapped file that a failing append cuts back kills the reader with
SIGBUS. Every line start is then looked at rather than found by bisection, for a clock that stepped
back leaves lines out of order; for a day file of 10 MB that costs some 5 ms, less than reading it.

A line is taken as it is when it has the writer's exact form from beginning to end; what lies
between is not parsed. Any other line goes through a real parser, and is written anew in that form
(without keys that the form does not know) or left out.
"""

from __future__ import annotations

import itertools
import json
import re
import zlib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from cldmon import files
from cldmon.domain.model import from_ms
from cldmon.store.history import PREFIX, day_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

_BEGIN = re.compile(rb'\{"timestamp":(\d{1,15}),"accounts":\[(?:\{"label":"|(\]\}\Z))')
"""How a line begins; one of a pass that read no account is all of it."""
_END = b"}]}"
_UNUSUAL_ESCAPE = re.compile(rb'\\[^"\\]')
_BLANK = b"\0\t\r "
_MAX_STAMP = 10**15
DAY_MS = 86_400_000
_GZIP = 31
"""zlib's window bits for a gzip header."""
_BLOCK = 1 << 16


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


@dataclass(frozen=True, slots=True)
class DayFiles:
    """Where the lines of a UTC day are: `listed` is what was there a moment ago."""

    date: date
    plain: Path
    listed: frozenset[Path]

    @property
    def gzipped(self) -> Path:
        """The gzipped file, there or not."""
        return self.plain.with_name(self.plain.name + ".gz")

    def read(self) -> Day:
        """Return the day's lines; raises StoreError where a file is there but cannot be read."""
        texts = self._texts()
        if self.listed - texts.keys():
            # gzip or gunzip has just put one in place of the other, and may have been at work
            # on the other when that was read.
            texts = self._texts()
        return tidy([*texts.values()], self.plain)

    def _texts(self) -> dict[Path, bytes]:
        contents = {path: _content(path) for path in (self.plain, self.gzipped)}
        return {path: text for path, text in contents.items() if text is not None}


def days(data_dir: Path, since_ms: int, until_ms: int) -> Iterator[Day]:
    """Yield each day that may hold lines of a span of time, oldest first.

    Raises StoreError where a file is there but cannot be read.
    """
    return (found.read() for found in sources(data_dir, since_ms, until_ms))


def sources(data_dir: Path, since_ms: int, until_ms: int) -> list[DayFiles]:
    """Return the files of each day in a span of time, oldest first.

    The day after the span is among them: a pass across midnight may write to the later file.
    """
    with files.explained("list", data_dir):
        if not data_dir.is_dir():
            return []
    first, last = _date(since_ms), _date(until_ms + DAY_MS)
    listed: dict[date, set[Path]] = {}
    for day, path in day_files(data_dir):
        if first <= day <= last:
            listed.setdefault(day, set()).add(path)
    return [
        DayFiles(day, data_dir / f"history-{day}.jsonl", frozenset(paths))
        for day, paths in sorted(listed.items())
    ]


def tidy(texts: Sequence[bytes], path: Path) -> Day:
    """Return the good lines of all the texts that there are of one day, each line once."""
    if len(texts) == 1 and (day := _as_it_is(texts[0])):
        return day
    good = dict.fromkeys(line for text in texts for line in _good_lines(text, path))
    lines = sorted(good, key=_stamp)
    starts, position = [], 0
    for line in lines:
        starts.append(position)
        position += len(line) + 1
    return Day(b"".join(line + b"\n" for line in lines), [_stamp(line) for line in lines], starts)


def _as_it_is(text: bytes) -> Day | None:
    """Return the day of a text that needs no repair at all, or None."""
    if not _is_sound(text):
        return None
    stamps: list[int] = []
    starts: list[int] = []
    start, before = 0, -1
    while start < len(text):
        end = text.find(b"\n", start)
        stamp = _stamp_of_shaped(text, start, end)
        if stamp is None or stamp <= before:
            return None
        stamps.append(stamp)
        starts.append(start)
        start, before = end + 1, stamp
    return Day(text, stamps, starts)


def _is_sound(text: bytes) -> bool:
    """Tell whether a text is neither damaged by zeros nor escaped in another way than ours."""
    return b"\0" not in text and not (b"\\" in text and _UNUSUAL_ESCAPE.search(text))


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


def _good_lines(text: bytes, path: Path) -> Iterator[bytes]:
    dropped = 0
    for line in filter(None, (raw.strip(_BLANK) for raw in text.split(b"\n"))):
        found = [line] if _is_ours(line) else list(_salvaged(line))
        yield from found
        dropped += not found
    if dropped:
        _note(path, dropped)


def _is_ours(line: bytes) -> bool:
    return _is_sound(line) and _stamp_of_shaped(line, 0, len(line)) is not None


def _note(path: Path, dropped: int) -> None:
    import logging  # here, for `status` reads history too and has to start fast

    log = logging.getLogger(__name__)
    log.info("%s: %d damaged or foreign lines were left out", path, dropped)


def _salvaged(line: bytes) -> Iterator[bytes]:
    """Yield each pass in a line, in the writer's form: other bytes may have been glued to it."""
    starts = {0, *(match.start() for match in re.finditer(re.escape(PREFIX), line))}
    for start, end in itertools.pairwise([*sorted(starts), len(line)]):
        if good := _anew(line[start:end]):
            yield good


def _anew(piece: bytes) -> bytes | None:
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


def _content(path: Path) -> bytes | None:
    """Return what is in a day file, of a torn gzip the readable part; None where it is gone."""
    with files.explained("read", path):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
    return b"".join(_unzipped(data)) if path.suffix == ".gz" else data


def _unzipped(data: bytes) -> Iterator[bytes]:
    """Yield what can be unpacked of a gzip file, which may have several members."""
    while data:
        unzip = zlib.decompressobj(_GZIP)
        try:
            # In blocks, so that damage costs no more than the block that it is in.
            for start in range(0, len(data), _BLOCK):
                yield unzip.decompress(data[start : start + _BLOCK])
                if unzip.eof:
                    break
        except zlib.error:
            return
        data = unzip.unused_data + data[start + _BLOCK :] if unzip.eof else b""


def _date(ms: int) -> date:
    return (from_ms(0) + timedelta(milliseconds=max(0, ms))).date()
