"""The index of a day file is never older than the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cldmon import files
from cldmon.store import days
from cldmon.store.days import CHUNK, load_index, read_indexed

if TYPE_CHECKING:
    from pathlib import Path

EVER = (0, 10**14)


def line(stamp: int, label: str = "alice") -> bytes:
    return b'{"timestamp":%d,"accounts":[{"label":"%b","fiveHour":1}]}\n' % (stamp, label.encode())


def day(folder: Path, *lines: bytes) -> Path:
    path = folder / "history-2026-03-12.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def chunks(path: Path, since: int = EVER[0], until: int = EVER[1]) -> list[bytes] | None:
    with files.open_regular(path) as file:
        index = load_index(file, path)
        return None if index is None else [*read_indexed(file, index, (since, until, 1))]


def read(path: Path, since: int = EVER[0], until: int = EVER[1]) -> bytes | None:
    found = chunks(path, since, until)
    return None if found is None else b"".join(found)


def test_of_a_span_its_lines_are_read_and_no_other(tmp_path: Path) -> None:
    path = day(tmp_path, *map(line, range(10, 50, 10)))
    for _ in range(2):  # indexed, then cached
        assert read(path, 20, 30) == line(20) + line(30)
        assert read(path, 21, 29) == b""
        assert read(path, 0, 10) == line(10)
        assert read(path, 40, 99) == line(40)
        assert read(path) == path.read_bytes()


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_what_a_pass_has_appended_is_there(tmp_path: Path, counts: list[int]) -> None:
    path, stamp = day(tmp_path), 0
    for count in counts:
        with path.open("ab") as file:
            file.writelines(line(stamp + n) for n in range(count))
        stamp += count
        assert read(path) == path.read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        line(10) + line(20) + line(30)[:-1],
        line(10) + line(20) + b"{}\n",
        line(10) + line(20) + line(15),
        line(10) + line(20)[:-1] + line(30),
        line(10) + b"\0" * 9 + line(20),
    ],
    ids=["torn", "foreign", "stepped back", "glued", "zeros"],
)
def test_a_file_that_needs_repair_has_no_index(tmp_path: Path, text: bytes) -> None:
    """Not even if it was sound when it was last indexed."""
    path = day(tmp_path, line(10), line(20))
    assert read(path) == line(10) + line(20)
    path.write_bytes(text)
    assert read(path) is None


def test_a_file_that_was_replaced_or_changed_is_indexed_again(tmp_path: Path) -> None:
    path = day(tmp_path, line(10), line(20))
    assert read(path)
    for lines in (
        [line(10, "bob"), line(20, "bob"), line(30, "bob")],
        [line(11, "bob"), line(21, "bob"), line(31, "bob")],
        [line(12, "zoe")],
    ):
        day(tmp_path, *lines)
        assert read(path) == b"".join(lines)
        other = tmp_path / "other"
        other.write_bytes(lines[0])
        other.replace(path)
        assert read(path) == lines[0]


def test_long_files_come_in_chunks(tmp_path: Path) -> None:
    lines = [line(stamp, "x" * 1000) for stamp in range(2000)]
    path = day(tmp_path, *lines)
    found = chunks(path, 5, 1990) or []
    assert len(found) > 2
    assert max(map(len, found)) <= CHUNK
    assert b"".join(found) == b"".join(lines[5:1991])


def test_what_is_cut_off_meanwhile_is_gone(tmp_path: Path) -> None:
    lines = [line(stamp, "x" * 1000) for stamp in range(1000)]
    path = day(tmp_path, *lines)
    with files.open_regular(path) as file:
        index = load_index(file, path)
        assert index
        found = read_indexed(file, index, (*EVER, 1))
        assert next(found).startswith(lines[0])
        path.write_bytes(lines[0])
        assert [*found] == []


def test_a_line_longer_than_a_block_is_a_line(tmp_path: Path) -> None:
    label = "x" * (2 * days.BLOCK)
    path = day(tmp_path, line(10, label), line(20), line(30, label), line(40))
    assert read(path) == path.read_bytes()
    assert read(path, 20, 20) == line(20)


def test_no_more_indexes_are_kept_than_a_year_has_files(tmp_path: Path) -> None:
    for number in range(days.MOST_INDEXES + 5):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(line(number))
        assert read(path) == line(number)
    assert len(days._indexes) <= days.MOST_INDEXES
