"""Reading the history: handed on whole against `cat`, one account against a bytes search.

A week of passes each minute over 100 accounts (73 MB), and a year of passes each ten minutes over
as many. The API's longest range is a week: a year comes in 52 answers, from a server whose clock is
set back. A year of passes each minute makes 3.8 GB.
"""

from __future__ import annotations

import json
import mmap
import shutil
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench import sample_data, servers
from bench.measurement import CLDMON, measure_process, measure_seconds, median_ratio, run_rounds
from bench.results import Effort, PartResult, Row
from cldmon.domain.model import to_ms
from cldmon.store import reader

if TYPE_CHECKING:
    from collections.abc import Iterator

CAT = "`cat` of the same files into the same kind of socket"
SEARCH = "a bytes search over the same mapped files"
LABELS = sample_data.make_labels(100)
ACCOUNT = LABELS[50]
WEEK, YEAR = 7, 364
ROUNDS = 9
ROOM_GB = 8
"""What has to be free on the disk for the largest history, and some more."""


def measure(effort: Effort) -> PartResult:
    """Measure the week, then the year, then the year of 3.8 GB."""
    with tempfile.TemporaryDirectory() as name, servers.Downloader() as downloader:
        rows = [
            *_week(Path(name) / "week", downloader, effort),
            *_year(Path(name) / "year", downloader, effort),
        ]
        if not effort.quick:
            rows += _giant(Path(name) / "giant", downloader)
    return PartResult(rows)


def _week(folder: Path, downloader: servers.Downloader, effort: Effort) -> Iterator[Row]:
    now, port = datetime.now(UTC), servers.free_port()
    config = sample_data.write_config(folder, LABELS, f"port = {port}")
    size = sample_data.write_history(
        folder, LABELS, sample_data.MINUTE, 1 if effort.quick else WEEK, now
    )
    what, files = f"`/api/history?range=7d` of {size / 1e6:.0f} MB", _files(folder)
    with servers.serve_cldmon(config, port) as server, servers.serve_cat(files) as cat:
        week = server.request("/api/history?range=7d", last=True)
        found = run_rounds(
            effort.rounds(ROUNDS),
            partial(downloader.measure_seconds, cat, week),
            partial(downloader.measure_seconds, port, week),
            partial(measure_seconds, lambda: _parsed(files)),
        )
        yield _row(what, CAT, found, 2.0)
        faster = median_ratio(found, ours=2, reference=1)
        yield Row(
            what,
            "read, parsed and dumped in Python",
            f"{1000 * median(each[1] for each in found):.0f} ms",
            f"{faster:.0f} times as fast",
            "≥ 5 times",
            faster >= 5,
        )
        hour = server.request("/api/history?range=1h", last=True)
        yield _within(
            f"`/api/history?range=1h` of {size / 1e6:.0f} MB",
            [downloader.measure_seconds(port, hour) for _ in range(9)],
            20,
        )
    yield _searched("one account of 100, 7 days", folder, WEEK, now, effort)
    yield _command("`cldmon history --range 7d`, one of 100 accounts", config, "7d", 0.8, effort)


def _year(folder: Path, downloader: servers.Downloader, effort: Effort) -> Iterator[Row]:
    now, port = datetime.now(UTC), servers.free_port()
    config = sample_data.write_config(folder, LABELS, f"port = {port}")
    days = WEEK if effort.quick else YEAR
    sample_data.write_history(folder, LABELS, 10 * sample_data.MINUTE, days, now)
    weeks, files = range(0, days, WEEK), _files(folder)
    with servers.serve_backdated(config, port) as server, servers.serve_cat(files) as cat:
        week = server.request("/api/history?range=7d", last=True)

        def all_weeks() -> float:
            return sum(_back(server, downloader, week, days) for days in weeks)

        found = run_rounds(
            effort.rounds(ROUNDS), partial(downloader.measure_seconds, cat, week), all_weeks
        )
        yield _row(f"`/api/history?range=7d` for each week of {days} days", CAT, found, 2.0)
    yield _searched(f"one account of 100, {days} days", folder, days, now, effort)
    few = folder / "few"
    config = sample_data.write_config(few, LABELS[:10])
    sample_data.write_history(few, LABELS[:10], 10 * sample_data.MINUTE, days, now)
    yield _command(
        f"`cldmon history --range {days}d` of 10 accounts", config, f"{days}d", 1.0, effort, ()
    )


def _back(
    server: servers.Server, downloader: servers.Downloader, request: bytes, days: int
) -> float:
    """Return how long the week takes that ended so many days ago."""
    assert server.stdin
    print(days, file=server.stdin, flush=True)
    return downloader.measure_seconds(server.port, request)


def _giant(folder: Path, downloader: servers.Downloader) -> Iterator[Row]:
    with _room(folder):
        port = servers.free_port()
        config = sample_data.write_config(folder, LABELS, f"port = {port}")
        size = sample_data.write_history(
            folder, LABELS, sample_data.MINUTE, YEAR, datetime.now(UTC)
        )
        with servers.serve_cldmon(config, port) as server:
            hour = server.request("/api/history?range=1h", last=True)
            times = [downloader.measure_seconds(port, hour) for _ in range(50)]
            yield _within(f"`/api/history?range=1h` in {size / 1e9:.1f} GB", times, 20)


@contextmanager
def _room(folder: Path) -> Iterator[None]:
    """Make sure of the room on disk, and give it back after."""
    if shutil.disk_usage(folder.parent).free < ROOM_GB * 1e9:
        raise SystemExit(f"bench: {ROOM_GB} GB are needed in {folder.parent}; set TMPDIR")
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("history-*"))


def _parsed(files: list[Path]) -> None:
    json.dumps([json.loads(line) for file in files for line in file.open(encoding="utf-8")])


def _searched(what: str, folder: Path, days: int, now: datetime, effort: Effort) -> Row:
    """Compare one account's series with finding its label."""
    since, until, files = to_ms(now - timedelta(days=days)), to_ms(now), _files(folder)
    key = f'{{"label":"{ACCOUNT}"'.encode()
    found = run_rounds(
        effort.rounds(5),
        partial(measure_seconds, lambda: sum(_count(file, key) for file in files)),
        partial(measure_seconds, lambda: reader.read_series(folder, ACCOUNT, since, until)),
    )
    return _row(what, SEARCH, found, 2.0)


def _count(file: Path, key: bytes) -> int:
    """Return how often a key is found in a file, mapped."""
    if not file.stat().st_size:
        return 0
    count = position = 0
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as text:
        while (position := text.find(key, position) + 1) > 0:
            count += 1
    return count


def _command(
    what: str,
    config: Path,
    span: str,
    bound: float,
    effort: Effort,
    more: tuple[str, ...] = ("--account", ACCOUNT),
) -> Row:
    command = [CLDMON, "--config", str(config), "history", "--range", span, *more]
    took = median(one[0] for one in run_rounds(effort.rounds(5), partial(measure_process, command)))
    return Row(what, "–", f"{took:.2f} s", "–", f"≤ {bound} s", took <= bound)


def _row(what: str, reference: str, found: list[tuple[float, ...]], bound: float) -> Row:
    times = median_ratio(found)
    ms = 1000 * median(each[1] for each in found)
    return Row(what, reference, f"{ms:.0f} ms", f"{times:.2f} ×", f"≤ {bound} ×", times <= bound)


def _within(what: str, times: list[float], bound_ms: float) -> Row:
    """Return the row of a request whose time, connecting included, has a bound of its own."""
    ms, worst = 1000 * median(times), 1000 * max(times)
    return Row(
        what, "–", f"{ms:.1f} ms, at worst {worst:.1f}", "–", f"≤ {bound_ms} ms", ms <= bound_ms
    )
