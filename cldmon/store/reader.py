"""Reading the history: as a JSON array, or as the readings of accounts.

Times are in ms since the epoch, and spans include both ends; results are in order of time. Lines
that are truncated, foreign or damaged are left out without affecting others (see
`cldmon.store.lines`).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from cldmon.domain.percent import parse_percentage
from cldmon.domain.windows import flatten, nest
from cldmon.store.days import join_lines, read_days
from cldmon.store.history import serialize_pass
from cldmon.store.lines import parse_stamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from cldmon.domain.series import Point

    Windows: TypeAlias = Mapping[str, int]

_LABEL = b'{"label":'
_NEXT = b"," + _LABEL
_AFTER_LABEL = b'","'
"""What separates a label without escapes from the name of the first window."""
_ESCAPED = re.compile(rb'"([^"\\]*\\.(?:[^"\\]|\\.)*)"')
"""A label with escapes, one of which may look like the end of the label."""
_CLOSE = b"]}"
_MAX_PARSED = 1024


def read_array(data_dir: Path, since_ms: int, until_ms: int) -> Iterator[bytes]:
    """Yield the lines of a span of time as one JSON array, in chunks."""
    return json_array(read_days(data_dir, since_ms, until_ms))


def json_array(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks of whole lines as one JSON array."""
    separator = b"["
    for chunk in chunks:
        yield separator + chunk.replace(b"\n", b",")[:-1]
        separator = b","
    yield b"]" if separator == b"," else b"[]"


def read_series(
    data_dir: Path, label: str, since_ms: int, until_ms: int, step_ms: int = 1
) -> list[Point]:
    """Return one account's readings in a span of time, from the first line of each step.

    Only that account's part of each line is parsed. The label is searched for as the writer encodes
    it, including the closing quote, which cannot occur within a string.
    """
    key = _LABEL + json.dumps(label, ensure_ascii=False).encode(errors="surrogatepass")
    parsed, points = _Parsed(), []
    for chunk in read_days(data_dir, since_ms, until_ms, step_ms):
        end = 0
        while (found := chunk.find(key, end)) >= 0:
            start, end = chunk.rfind(b"\n", 0, found) + 1, chunk.index(b"\n", found)
            following = chunk.find(_NEXT, found, end)
            last = following if following >= 0 else end - len(_CLOSE)
            windows = parsed[chunk[found + len(key) + len(_AFTER_LABEL) - 1 : last]]
            if windows is not None:
                points.append((parse_stamp(chunk, start), windows))
    return points


def read_all_series(
    data_dir: Path, since_ms: int, until_ms: int, step_ms: int = 1
) -> dict[str, list[Point]]:
    """Return every account's readings in a span of time, from the first line of each step.

    Accounts are in the order in which their labels first appear.
    """
    series: defaultdict[str, list[Point]] = defaultdict(list)
    for part in iter_series(data_dir, since_ms, until_ms, step_ms):
        for label, points in part.items():
            series[label] += points
    return dict(series)


def iter_series(
    data_dir: Path, since_ms: int, until_ms: int, step_ms: int = 1, labels: Collection[str] = ()
) -> Iterator[dict[str, list[Point]]]:
    """Yield what `read_all_series` returns in parts: a week of many accounts would fill memory.

    With `labels`, only those accounts are searched for, and there is one part.
    """
    if labels:
        yield {label: read_series(data_dir, label, since_ms, until_ms, step_ms) for label in labels}
        return
    parsed = _Parsed()
    for chunk in read_days(data_dir, since_ms, until_ms, step_ms):
        found: defaultdict[bytes, list[Point]] = defaultdict(list)
        for line in chunk[:-1].split(b"\n"):
            stamp = parse_stamp(line)
            for raw_label, values in _split_accounts(line):
                if (windows := parsed[values]) is not None:
                    found[raw_label].append((stamp, windows))
        yield {label: found[raw] for raw in found if (label := _parse_label(raw)) is not None}


def format_series(series: Mapping[str, Iterable[Point]]) -> Iterator[bytes]:
    """Yield the readings of some accounts as history lines, in chunks."""
    passes: defaultdict[int, list[tuple[str, Windows]]] = defaultdict(list)
    for label, points in series.items():
        for stamp, windows in points:
            passes[stamp].append((label, windows))
    return join_lines(
        serialize_pass(
            stamp, [{"label": label, **nest(windows)} for label, windows in passes[stamp]]
        ).encode()
        for stamp in sorted(passes)
    )


class _Parsed(dict[bytes, "Windows | None"]):
    """Windows by text such as `fiveHour":17,"sevenDay":45}`, or None if it is damaged.

    The same texts recur in neighbouring lines, so the last `_MAX_PARSED` are remembered.
    """

    def __missing__(self, text: bytes) -> Windows | None:
        windows = None
        with suppress(ValueError, RecursionError):
            values = flatten(json.loads('{"' + text.decode())) if text else {}
            percents = {name: parse_percentage(value) for name, value in values.items()}
            windows = {name: percent for name, percent in percents.items() if percent is not None}
        if len(self) >= _MAX_PARSED:
            self.clear()
        self[text] = windows
        return windows


def _parse_label(raw: bytes) -> str | None:
    try:
        return str(json.loads(b'"%b"' % raw))
    except ValueError:
        return None


def _split_accounts(line: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each account's label, as written but without quotes, and its values."""
    accounts = line[line.find(b"[") + 1 + len(_LABEL) : -len(_CLOSE)].split(_NEXT)
    for account in filter(None, accounts):  # there is an empty one if no account was read
        if escaped := _ESCAPED.match(account):
            yield escaped[1], account[escaped.end() + len(_AFTER_LABEL) - 1 :]
        else:
            raw_label, after, values = account[1:].partition(_AFTER_LABEL)
            yield (raw_label if after else raw_label[:-2]), values
