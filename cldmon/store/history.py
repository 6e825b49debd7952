"""The day files: one JSON object per line, one line per pass, in the Node program's exact form.

`history-YYYY-MM-DD.jsonl` by UTC date, append-only. Source: contract, "Files".
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections import defaultdict
from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.domain.instants import format_optional, from_ms, to_ms
from cldmon.domain.windows import nest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from io import FileIO
    from pathlib import Path

    from cldmon.domain.events import Event
    from cldmon.domain.model import Window

PREFIX = b'{"timestamp":'
"""How every line written by this program or the Node program begins."""

_NAME = re.compile(r"(history|events)-(\d{4}-\d{2}-\d{2})\.jsonl([.-]\d+)?(\.gz)?")
"""The name may also have the number or date that logrotate appends."""
_TAIL = 1 << 16

_DECOMPRESSED = 1 << 20
"""Bytes decompressed at once: compressed data may expand a thousandfold."""


def format_line(at: datetime, accounts: Mapping[str, Mapping[str, Window]]) -> str:
    """Return the history line of a pass, without the newline: label → windows, in percent."""
    entries = [
        {"label": label, **nest({name: window.utilization for name, window in windows.items()})}
        for label, windows in accounts.items()
    ]
    return serialize_pass(to_ms(at), entries)


def serialize_pass(stamp: int, accounts: list[dict[str, Any]]) -> str:
    """Return a history line, without the newline, as JavaScript's `JSON.stringify` writes it.

    That is, without spaces or unnecessary escapes.
    """
    body = {"timestamp": stamp, "accounts": accounts}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def format_event_line(event: Event, at: datetime) -> str:
    """Return the line of events-YYYY-MM-DD.jsonl for an event of a pass that ended at `at`."""
    body = {
        "timestamp": to_ms(at),
        "event": event.kind.value,
        "label": event.label,
        "window": event.window,
        "utilization": event.utilization,
        "resetsAt": format_optional(event.resets_at),
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


class History:
    """The day files of a data_dir, as a pass writes them: `history-…` or `events-…`."""

    def __init__(self, data_dir: Path, name: str = "history") -> None:
        self._dir = data_dir
        self._name = name

    def ensure(self, *lines: str) -> None:
        """Append a pass's lines, except those that are at the end of their day's file already.

        So the next pass can safely complete one that was killed. Once this returns, the lines
        survive a power failure.
        """
        by_day: defaultdict[date, list[bytes]] = defaultdict(list)
        for line in lines:
            by_day[parse_line_date(line)].append(line.encode())
        for day, all_lines in by_day.items():
            path = get_day_path(self._dir, day, self._name)
            tail = _read_tail(path, sum(map(len, all_lines)) + len(all_lines) + _TAIL)
            # A last line that lacks only its newline counts: the next append will add it.
            known = {*tail.split(b"\n")}
            if missing := [line for line in all_lines if line not in known]:
                files.append_line(path, b"\n".join(missing))
            else:
                files.sync(path)  # the pass that wrote them may have been killed before that

    def prune(self, keep_days: int, today: date) -> list[Path]:
        """Remove day files older than `keep_days` days (0: keep all) and return their paths.

        If everything before today is that old, nothing is removed: the clock may have jumped ahead.
        If it hasn't, the files are removed the next day.
        """
        if keep_days == 0:
            return []
        oldest = today - timedelta(days=keep_days)
        earlier = [each for each in list_day_files(self._dir, name=self._name) if each[0] < today]
        if not earlier or earlier[-1][0] < oldest:
            return []
        old = [path for day, path in earlier if day < oldest]
        for path in old:
            with files.wrap_os_errors("remove", path):
                path.unlink(missing_ok=True)
        return old


def _read_tail(path: Path, size: int) -> bytes:
    """Return the last bytes of a day file, or of its gzipped form if it was compressed since."""
    with files.wrap_os_errors("read", path):
        try:
            with files.open_regular(path) as file:
                file.seek(max(0, file.seek(0, 2) - size))
                return file.read()
        except FileNotFoundError:
            pass
    tail = b""
    # If we may not read it, the line is written again.
    with suppress(OSError), files.open_regular(path.with_name(f"{path.name}.gz")) as file:
        for block in decompress(file):
            tail = (tail + block)[-size:]
    return tail


def decompress(file: FileIO) -> Iterator[bytes]:
    """Yield the content of a gzip file; of a truncated or damaged one, up to the damage."""
    from gzip import BadGzipFile, GzipFile  # here because most commands do without

    with suppress(EOFError, BadGzipFile, zlib.error), GzipFile(fileobj=file) as unzip:
        while block := unzip.read1(_DECOMPRESSED):
            yield block


def get_day_path(data_dir: Path, day: date, name: str = "history") -> Path:
    """Return where the lines of a UTC day are written."""
    return data_dir / f"{name}-{day.isoformat()}.jsonl"


def list_day_files(
    data_dir: Path, first: date = date.min, last: date = date.max, name: str = "history"
) -> Iterator[tuple[date, Path]]:
    """Yield every day file of these days, including rotated and gzipped ones, oldest day first."""
    low, high = f"{name}-{first}", f"{name}-{last}"
    with files.wrap_os_errors("list", data_dir):
        names = sorted(os.listdir(data_dir))  # noqa: PTH208 - paths would take ten times as long
    for file in names:
        # Comparing strings first finds a day among ten years of files in a millisecond.
        if low <= file[: len(low)] <= high and (day := parse_day(file, name)):
            yield day, data_dir / file


def parse_day(file: str, name: str = "history") -> date | None:
    """Return the UTC day of a day file of this name, rotated, gzipped or not; else None."""
    match = _NAME.fullmatch(file)
    try:
        return date.fromisoformat(match[2]) if match and match[1] == name else None
    except ValueError:  # 2026-13-45
        return None


def parse_line_date(line: str) -> date:
    """Return the UTC date of a history line; raises ValueError or OverflowError for any other."""
    digits = line.removeprefix(PREFIX.decode()).partition(",")[0]
    return from_ms(int(digits)).date()
