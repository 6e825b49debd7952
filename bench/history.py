"""Reading the history: whole files against `cat`, one account against a bytes search.

A week of passes each minute over 100 accounts (73 MB), and a year of passes each ten minutes over
as many. The API's longest range is a week: a year takes 52 responses of a server whose clock is
set back. A year of passes each minute is 3.8 GB.
"""

from __future__ import annotations

import json
import mmap
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench import sample_data, servers
from bench.measurement import CLDMON, measure_process, measure_seconds, median_ratio, run_rounds
from bench.results import Effort, PartResult, Row
from cldmon.domain.instants import to_ms
from cldmon.store import reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CAT = "`cat` of the same files into the same kind of socket"
SEARCH = "a bytes search over the same mapped files"
LABELS = sample_data.make_labels(100)
ACCOUNT = LABELS[50]
WEEK, YEAR = 7, 364
ROUNDS = 9
REQUIRED_GB = 8
"""Free disk space for the largest history, with a reserve."""


def measure(effort: Effort) -> PartResult:
    """Measure the week, then the year, then the year of 3.8 GB."""
    with tempfile.TemporaryDirectory() as name, servers.Downloader() as downloader:
        rows = [
            *_measure_week(Path(name, "week"), downloader, effort),
            *_measure_year(Path(name, "year"), downloader, effort),
        ]
        if not effort.quick:
            rows.append(_measure_large(Path(name, "large"), downloader))
    return PartResult(rows)


def _measure_week(folder: Path, downloader: servers.Downloader, effort: Effort) -> Iterator[Row]:
    now, port, days = datetime.now(UTC), servers.free_port(), 1 if effort.quick else WEEK
    config = sample_data.write_config(folder, LABELS, f"port = {port}")
    size = sample_data.write_history(folder, LABELS, sample_data.MINUTE, days, now)
    what, files = f"`/api/history?range=7d` of {size / 1e6:.0f} MB", _files(folder)

    def parse() -> None:
        json.dumps([json.loads(line) for file in files for line in file.open(encoding="utf-8")])

    with servers.serve_cldmon(config, port) as server, servers.serve_cat(files) as cat:
        week = server.request("/api/history?range=7d", last=True)
        found = run_rounds(
            effort.rounds(ROUNDS),
            partial(downloader.measure_seconds, cat, week),
            partial(downloader.measure_seconds, port, week),
            partial(measure_seconds, parse),
        )
        yield _ratio_row(what, CAT, found, 2.0)
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
        times = [downloader.measure_seconds(port, hour) for _ in range(9)]
        yield _time_row(f"`/api/history?range=1h` of {size / 1e6:.0f} MB", times, 20)
    yield _measure_search("one account of 100, 7 days", folder, WEEK, now, effort)
    command = [CLDMON, "--config", str(config), "history", "--range", "7d", "--account", ACCOUNT]
    yield _measure_command("`cldmon history --range 7d`, one of 100 accounts", command, 0.8, effort)


def _measure_year(folder: Path, downloader: servers.Downloader, effort: Effort) -> Iterator[Row]:
    now, port, days = datetime.now(UTC), servers.free_port(), WEEK if effort.quick else YEAR
    interval = 10 * sample_data.MINUTE
    config = sample_data.write_config(folder, LABELS, f"port = {port}")
    sample_data.write_history(folder, LABELS, interval, days, now)
    with (
        servers.serve_backdated(config, port) as server,
        servers.serve_cat(_files(folder)) as cat,
    ):
        request = server.request("/api/history?range=7d", last=True)

        def measure_weeks() -> float:
            seconds = 0.0
            for offset in range(0, days, WEEK):
                server.set_back(offset)
                seconds += downloader.measure_seconds(port, request)
            return seconds

        reference = partial(downloader.measure_seconds, cat, request)
        found = run_rounds(effort.rounds(ROUNDS), reference, measure_weeks)
        yield _ratio_row(f"`/api/history?range=7d` for each week of {days} days", CAT, found, 2.0)
    yield _measure_search(f"one account of 100, {days} days", folder, days, now, effort)
    config = sample_data.write_config(folder / "few", LABELS[:10])
    sample_data.write_history(folder / "few", LABELS[:10], interval, days, now)
    command = [CLDMON, "--config", str(config), "history", "--range", f"{days}d"]
    what = f"`cldmon history --range {days}d` of 10 accounts"
    # Without files of events, as here, they are found in a second reading.
    yield _measure_command(what, command, 2.0, effort)


def _measure_large(folder: Path, downloader: servers.Downloader) -> Row:
    if shutil.disk_usage(folder.parent).free < REQUIRED_GB * 1e9:
        raise SystemExit(f"bench: {REQUIRED_GB} GB are needed in {folder.parent}; set TMPDIR")
    port = servers.free_port()
    config = sample_data.write_config(folder, LABELS, f"port = {port}")
    now = datetime.now(UTC)
    size = sample_data.write_history(folder, LABELS, sample_data.MINUTE, YEAR, now)
    with servers.serve_cldmon(config, port) as server:
        request = server.request("/api/history?range=1h", last=True)
        times = [downloader.measure_seconds(port, request) for _ in range(50)]
    return _time_row(f"`/api/history?range=1h` in {size / 1e9:.1f} GB", times, 20)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("history-*"))


def _measure_search(what: str, folder: Path, days: int, now: datetime, effort: Effort) -> Row:
    """Compare reading one account's series with finding its label."""
    since, until, files = to_ms(now - timedelta(days=days)), to_ms(now), _files(folder)
    key = f'{{"label":"{ACCOUNT}"'.encode()
    found = run_rounds(
        effort.rounds(5),
        partial(measure_seconds, lambda: sum(_count(file, key) for file in files)),
        partial(measure_seconds, lambda: reader.read_series(folder, ACCOUNT, since, until)),
    )
    return _ratio_row(what, SEARCH, found, 2.0)


def _count(file: Path, key: bytes) -> int:
    """Return how often a key occurs in a file, which is mapped."""
    if not file.stat().st_size:
        return 0
    count = position = 0
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as text:
        while (position := text.find(key, position) + 1) > 0:
            count += 1
    return count


def _measure_command(what: str, command: Sequence[str], bound: float, effort: Effort) -> Row:
    found = run_rounds(effort.rounds(5), partial(measure_process, command))
    seconds = median(each[0] for each in found)
    return Row(what, "–", f"{seconds:.2f} s", "–", f"≤ {bound} s", seconds <= bound)


def _ratio_row(what: str, reference: str, found: list[tuple[float, ...]], bound: float) -> Row:
    measured = f"{1000 * median(each[1] for each in found):.0f} ms"
    return Row.of_ratio(what, reference, measured, median_ratio(found), bound)


def _time_row(what: str, times: list[float], bound_ms: float) -> Row:
    """Return the row of a request with a bound on its time, connecting included."""
    ms, worst = 1000 * median(times), 1000 * max(times)
    measured = f"{ms:.1f} ms, at worst {worst:.1f}"
    return Row(what, "–", measured, "–", f"≤ {bound_ms} ms", ms <= bound_ms)
