"""The files of reports: what is kept of several machines, and under which names."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.model import Window
from cldmon.domain.reports import Report
from cldmon.errors import BusyError, StoreError
from cldmon.files import LARGEST_FILE, lock
from cldmon.reports.body import MAX_MACHINES, InvalidReportError, encode, parse, parse_file
from cldmon.reports.store import ReportFiles, file_name
from tests.fakes import NOON
from tests.reports.report import body, drop
from tests.strategies import INSTANT, WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MINUTE = timedelta(minutes=1)
LATER = NOON + timedelta(days=2)
WINDOW_NAMES = ["fiveHour", "models.Fable 4.5 (1M)", "scoped.Été-2 · Code"]
LABEL = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=80)


def report(minute: float, machine: str = "a", *more: str) -> Report:
    at = NOON + minute * MINUTE
    windows = {name: Window(1, None) for name in ("fiveHour", *more)}
    return Report("alice", machine, at, LATER, windows)


def make_huge(path: Path) -> None:
    path.touch()
    os.truncate(path, LARGEST_FILE + 1)


def receive_all(data_dir: Path, *reports: Report) -> list[Report]:
    files = ReportFiles(data_dir)
    for each in reports:
        files.receive(each)
    return [*files.load("alice")]


def test_a_newer_report_of_a_machine_replaces_its_last_one(tmp_path: Path) -> None:
    assert receive_all(tmp_path, report(0), report(1)) == [report(1)]


@pytest.mark.parametrize("minute", [-1, 0])
def test_one_that_is_not_newer_is_not_kept(tmp_path: Path, minute: float) -> None:
    assert receive_all(tmp_path, report(0), report(minute)) == [report(0)]


def test_the_last_one_of_each_machine_is_kept_the_newest_in_front(tmp_path: Path) -> None:
    expected = [report(2, "b"), report(1, "a")]
    assert receive_all(tmp_path, report(1, "a"), report(2, "b")) == expected
    assert receive_all(tmp_path, report(0, "a"), report(0, "b")) == expected
    text = json.loads(ReportFiles(tmp_path).path("alice").read_bytes())
    assert (text["machine"], [each["machine"] for each in text["others"]]) == ("b", ["a"])


def test_a_report_with_other_limits_is_kept_beside_a_newer_one(tmp_path: Path) -> None:
    full, short = report(1, "a", "sevenDayOpus"), report(2)
    assert receive_all(tmp_path, full, short) == [short, full]
    newer = report(3, "a", "sevenDayOpus")
    assert receive_all(tmp_path, newer) == [newer]


def test_few_machines_are_remembered_and_not_for_long(tmp_path: Path) -> None:
    machines = [report(minute, f"m{minute}") for minute in range(20)]
    assert receive_all(tmp_path, *machines) == machines[: -2 - MAX_MACHINES : -1]
    late = report(24 * 60 + 20, "z")
    assert receive_all(tmp_path, late) == [late]


def test_a_clock_that_was_set_back_does_not_keep_reports_out(tmp_path: Path) -> None:
    now = replace(report(0), sent_at=NOON)
    assert receive_all(tmp_path, report(60), now) == [now]
    assert receive_all(tmp_path, report(2, "b"), now) == [report(2, "b"), now]


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    receive_all(tmp_path / "data", report(0))
    folder = tmp_path / "data" / "reports"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "alice.json")]
    assert modes == [0o700, 0o600]


def test_a_file_that_is_broken_is_replaced(tmp_path: Path) -> None:
    path = drop(tmp_path, body(NOON))
    path.write_text('{"version": 1, "acc')
    with pytest.raises(InvalidReportError, match="it is not JSON"):
        ReportFiles(tmp_path).load("alice")
    assert receive_all(tmp_path, report(0)) == [report(0)]


@pytest.mark.parametrize(
    "make",
    [
        os.mkfifo,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to(path),
        make_huge,
    ],
    ids=["pipe", "device", "loop", "huge"],
)
def test_what_is_no_file_of_ours_is_replaced(tmp_path: Path, make: Callable[[Path], Any]) -> None:
    path = drop(tmp_path, body(NOON))
    path.unlink()
    make(path)
    with pytest.raises(StoreError):
        ReportFiles(tmp_path).load("alice")
    assert receive_all(tmp_path, report(0)) == [report(0)]


def test_it_does_not_wait_for_ever(tmp_path: Path) -> None:
    receive_all(tmp_path, report(0))
    with lock(tmp_path / "reports" / "alice.lock", wait=0), pytest.raises(BusyError):
        ReportFiles(tmp_path, patience=0).receive(report(1))


def test_many_at_a_time_end_with_the_newest(tmp_path: Path) -> None:
    reports = [report(minute, f"m{minute % 3}") for minute in range(30)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ReportFiles(tmp_path).receive, reports))
    assert receive_all(tmp_path) == [report(29, "m2"), report(28, "m1"), report(27, "m0")]


@given(LABEL, LABEL)
def test_each_label_has_its_own_name_in_the_folder(one: str, other: str) -> None:
    names = file_name(one), file_name(other)
    assert (names[0] == names[1]) == (one == other)
    assert all("/" not in name and len(name) <= 255 and name.isascii() for name in names)
    if len(names[0]) < 200:
        assert unquote(names[0]) == f"{one}.json"


REPORT = st.builds(
    Report,
    LABEL.filter(str.strip),
    st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True),
    INSTANT,
    INSTANT,
    st.dictionaries(
        st.sampled_from(WINDOW_NAMES),
        WINDOW,
        min_size=1,
    ),
    st.none() | st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
)


@given(st.lists(REPORT, min_size=1, max_size=4).map(tuple))
def test_what_is_written_is_read(reports: tuple[Report, ...]) -> None:
    assert parse_file(encode(reports)) == reports
    assert parse(encode(reports)) == reports[0]
