"""The day files: one JSON object a line, a line per pass, in the Node program's exact form.

`history-YYYY-MM-DD.jsonl` by UTC date, append-only. Source: contract, "Files".
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

from cldmon import files
from cldmon.domain.model import from_ms, to_ms
from cldmon.domain.windows import nest
from cldmon.store.gzipped import decompress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from cldmon.domain.model import Window

PREFIX = b'{"timestamp":'
"""How every line begins that this program or the Node program wrote."""

_NAME = re.compile(r"history-(\d{4}-\d{2}-\d{2})\.jsonl([.-]\d+)?(\.gz)?")
"""Also with the number or the date that logrotate puts behind a name."""
_TAIL = 1 << 16


def format_line(at: datetime, accounts: Mapping[str, Mapping[str, Window]]) -> str:
    """Return the history line of a pass, without line end: label → windows, in percent.

    The bytes are those of JavaScript's `JSON.stringify`: no spaces, nothing escaped that need not
    be.
    """
    entries = [
        {"label": label, **nest({name: window.utilization for name, window in windows.items()})}
        for label, windows in accounts.items()
    ]
    body = {"timestamp": to_ms(at), "accounts": entries}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


class History:
    """The day files of a data_dir, as the pass writes them."""

    def __init__(self, data_dir: Path) -> None:
        self._dir = data_dir

    def ensure(self, line: str) -> None:
        """Append a pass's line, unless it stands at the end of its day's file already.

        So a pass that was killed may have its line written by the next one, and no line is written
        twice. On return it survives a loss of power.
        """
        path = day_path(self._dir, line_date(line))
        data = line.encode()
        if _ends_with(path, data):
            files.sync(path)  # whoever wrote it may have been killed before that
        else:
            files.append_line(path, data)

    def prune(self, keep_days: int, today: date) -> list[Path]:
        """Remove day files older than `keep_days` days (0: keep all) and return their paths.

        None is removed where all that came before today are so old: the clock may have jumped
        ahead. Where it has not, they go on the next day.
        """
        if keep_days == 0:
            return []
        oldest = today - timedelta(days=keep_days)
        earlier = [(day, path) for day, path in day_files(self._dir) if day < today]
        if not earlier or earlier[-1][0] < oldest:
            return []
        old = [path for day, path in earlier if day < oldest]
        for path in old:
            with files.wrap_os_errors("remove", path):
                path.unlink(missing_ok=True)
        return old


def day_path(data_dir: Path, day: date) -> Path:
    """Return where the lines of a UTC day are written."""
    return data_dir / f"history-{day.isoformat()}.jsonl"


def day_files(
    data_dir: Path, first: date = date.min, last: date = date.max
) -> Iterator[tuple[date, Path]]:
    """Yield every day file of these days, rotated and gzipped ones too, oldest day first."""
    low, high = f"history-{first}", f"history-{last}"
    with files.wrap_os_errors("list", data_dir):
        names = sorted(os.listdir(data_dir))  # noqa: PTH208 - a Path of each would take ten times as long
    for name in names:
        # Compared as a text first: of ten years' files a day's are found in a millisecond.
        if low <= name[: len(low)] <= high and (day := parse_day(name)):
            yield day, data_dir / name


def parse_day(name: str) -> date | None:
    """Return the UTC day whose file is so named, rotated, gzipped or not; None for any other."""
    match = _NAME.fullmatch(name)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:  # 2026-13-45
        return None


def line_date(line: str) -> date:
    """Return the UTC date of a history line; raises ValueError or OverflowError for another."""
    digits = line.removeprefix(PREFIX.decode()).partition(",")[0]
    return from_ms(int(digits)).date()


def _ends_with(path: Path, line: bytes) -> bool:
    """Return whether the line is among the last of the file, or of its gzipped twin.

    One that lacks its line end only (torn there, by a kill) is there: the next one ends it.
    """
    return b"\n" + line + b"\n" in b"\n" + _tail(path, len(line) + _TAIL) + b"\n"


def _tail(path: Path, size: int) -> bytes:
    with files.wrap_os_errors("read", path):
        try:
            with files.open_regular(path) as file:
                file.seek(max(0, file.seek(0, 2) - size))
                return file.read()
        except FileNotFoundError:
            return _tail_of_gzipped(path.with_name(path.name + ".gz"), size)


def _tail_of_gzipped(path: Path, size: int) -> bytes:
    tail = b""
    # Whoever put it there may keep it from us: the line is then written once more.
    with contextlib.suppress(OSError), files.open_regular(path) as file:
        for block in decompress(file):
            tail = (tail + block)[-size:]
    return tail
