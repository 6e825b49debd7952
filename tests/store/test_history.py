"""The day files as the pass writes them: JavaScript's bytes, each line once, in its own day."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.errors import StoreError
from cldmon.store.history import History, format_line, get_day_path, list_day_files, parse_line_date
from tests.fakes import NOON, windows
from tests.strategies import INSTANT, TEXT, WINDOWS

if TYPE_CHECKING:
    from pathlib import Path

    from cldmon.domain.model import Window

# Each right side was printed by node's JSON.stringify.
LABELS = {
    "alice": '"alice"',
    "": '""',
    "R&D <b>": '"R&D <b>"',
    'say "hi"': r'"say \"hi\""',
    "back\\slash": r'"back\\slash"',
    "a/b": '"a/b"',
    "Zoë": '"Zoë"',
    "日本": '"日本"',
    "\U0001f469\u200d\U0001f4bb 🚀": '"\U0001f469\u200d\U0001f4bb 🚀"',
    "\u2028\u2029": '"\u2028\u2029"',
    "\u0000\u0001\u001f": r'"\u0000\u0001\u001f"',
    "\b\t\n\f\r\v": r'"\b\t\n\f\r\u000b"',
    "\u007f\u0080\ufeff\uffff": '"\u007f\u0080\ufeff\uffff"',
    "\U0010ffff": '"\U0010ffff"',
    "__proto__": '"__proto__"',
}


@pytest.mark.parametrize(("label", "text"), LABELS.items(), ids=map(ascii, LABELS))
def test_a_label_is_written_as_javascript_writes_it(label: str, text: str) -> None:
    assert (
        format_line(NOON, {label: {}})
        == f'{{"timestamp":1795348800000,"accounts":[{{"label":{text}}}]}}'
    )


def test_a_line_has_the_form_of_the_node_program() -> None:
    accounts = {"alice": windows({"fiveHour": 17, "sevenDay": 45})}
    at = datetime(2026, 3, 12, 2, 47, 15, 95_000, tzinfo=UTC)
    assert format_line(at, accounts) == (
        '{"timestamp":1773283635095,"accounts":[{"label":"alice","fiveHour":17,"sevenDay":45}]}'
    )


def test_other_windows_are_further_keys_and_those_of_models_stand_below_models() -> None:
    alice = windows({"fiveHour": 0, "models.Fable": 72, "sevenDayOpus": 12, "models.a b": 100})
    assert format_line(NOON, {"alice": alice, "bob": {}}) == (
        '{"timestamp":1795348800000,"accounts":['
        '{"label":"alice","fiveHour":0,"sevenDayOpus":12,"models":{"Fable":72,"a b":100}},'
        '{"label":"bob"}]}'
    )


def test_a_pass_that_read_no_account_has_a_line_too() -> None:
    assert format_line(NOON, {}) == '{"timestamp":1795348800000,"accounts":[]}'


@pytest.mark.parametrize(
    ("at", "ms"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 1, 0, 0, 0, 999, tzinfo=UTC), 0),
        (datetime(2026, 11, 22, 12, 0, 0, 999_999, tzinfo=UTC), 1795348800999),
        (datetime(2026, 11, 22, 13, 0, tzinfo=timezone(timedelta(hours=1))), 1795348800000),
        (datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC), -1),
    ],
)
def test_the_time_is_whole_milliseconds_since_the_epoch(at: datetime, ms: int) -> None:
    assert json.loads(format_line(at, {}))["timestamp"] == ms


@settings(max_examples=60)
@given(INSTANT, st.dictionaries(TEXT, WINDOWS, max_size=3))
def test_any_reading_is_one_parseable_line(
    at: datetime, accounts: dict[str, dict[str, Window]]
) -> None:
    text = format_line(at, accounts)
    assert text.startswith('{"timestamp":')
    assert "\n" not in text
    assert "\r" not in text
    body = json.loads(text)
    assert [entry["label"] for entry in body["accounts"]] == list(accounts)
    assert parse_line_date(text) == at.date()
    for entry, written in zip(body["accounts"], accounts.values(), strict=True):
        del entry["label"]
        nested = [(group, entry.pop(group, {})) for group in ("models", "scoped")]
        found = entry | {f"{group}.{n}": p for group, names in nested for n, p in names.items()}
        assert found == {name: window.utilization for name, window in written.items()}


@pytest.mark.parametrize(
    "text", ["", "x", "{}", '{"timestamp":', '{"timestamp":1.5,', '{"timestamp":x,']
)
def test_other_text_has_no_date(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        parse_line_date(text)


def test_each_line_goes_into_the_file_of_its_utc_day(tmp_path: Path) -> None:
    day = timedelta(days=1)
    for at in (NOON, NOON + day, NOON - day):
        History(tmp_path).ensure(format_line(at, {}))
    assert [path.name for _, path in list_day_files(tmp_path)] == [
        "history-2026-11-21.jsonl",
        "history-2026-11-22.jsonl",
        "history-2026-11-23.jsonl",
    ]


def test_a_line_is_written_only_once(tmp_path: Path) -> None:
    first, second = format_line(NOON, {}), format_line(NOON + timedelta(minutes=10), {})
    for text in (first, first, second, second, first):
        History(tmp_path).ensure(text)
    [(_, path)] = list_day_files(tmp_path)
    assert path.read_text().splitlines() == [first, second]


def test_the_lines_of_a_pass_are_written_only_once_however_many_they_are(tmp_path: Path) -> None:
    lines = [format_line(NOON + timedelta(milliseconds=n), {"x" * 99: {}}) for n in range(2_000)]
    log = History(tmp_path)
    log.ensure(*lines[:5])
    for _ in range(3):
        log.ensure(*lines)
    [(_, path)] = list_day_files(tmp_path)
    assert path.read_text().splitlines() == lines


def test_the_lines_of_a_pass_go_into_the_files_of_their_days(tmp_path: Path) -> None:
    lines = [format_line(NOON + n * timedelta(hours=8), {}) for n in range(4)]
    History(tmp_path).ensure(*lines)
    History(tmp_path).ensure()
    found = [path.read_text().splitlines() for _, path in list_day_files(tmp_path)]
    assert found == [lines[:2], lines[2:]]


def test_a_line_that_merely_contains_another_is_another(tmp_path: Path) -> None:
    """Only a whole line counts, not the same text within a longer one."""
    text = format_line(NOON, {})
    path = tmp_path / "history-2026-11-22.jsonl"
    path.write_text(f"x{text}\n{text}x\n")
    History(tmp_path).ensure(text)
    assert path.read_text() == f"x{text}\n{text}x\n{text}\n"


def test_what_was_there_is_never_changed(tmp_path: Path) -> None:
    path = tmp_path / "history-2026-11-22.jsonl"
    path.write_bytes(b"\xff\x00foreign\n{torn")
    History(tmp_path).ensure(format_line(NOON, {}))
    assert path.read_bytes() == b"\xff\x00foreign\n{torn\n" + format_line(NOON, {}).encode() + b"\n"


def test_a_day_file_that_is_large_is_looked_at_from_its_end(tmp_path: Path) -> None:
    """A line far from the end was not written by the last pass."""
    text = format_line(NOON, {})
    path = tmp_path / "history-2026-11-22.jsonl"
    path.write_text(f"{text}\n" + "x" * 99 * 1_000 + "\n")
    History(tmp_path).ensure(text)
    assert path.read_text().count(text) == 2


def test_an_unreadable_gzipped_file_does_not_prevent_writing(
    tmp_path: Path,
) -> None:
    (tmp_path / "history-2026-11-22.jsonl.gz").mkdir()
    text = format_line(NOON, {})
    History(tmp_path).ensure(text)
    assert (tmp_path / "history-2026-11-22.jsonl").read_text() == text + "\n"


def test_day_files_are_listed_oldest_first_and_nothing_else(tmp_path: Path) -> None:
    names = [
        "history-2026-11-22.jsonl",
        "history-2025-01-31.jsonl.gz",
        "history-2026-02-30.jsonl",
        "history-2026-11-20.jsonl.1.gz",
        "history-2026-11-21.jsonl.tmp",
        "history-2026-11-21.jsonl.1.bz2",
        "xhistory-2026-11-21.jsonl",
        "state.json",
    ]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    assert [(day, path.name) for day, path in list_day_files(tmp_path)] == [
        (date(2025, 1, 31), "history-2025-01-31.jsonl.gz"),
        (date(2026, 11, 20), "history-2026-11-20.jsonl.1.gz"),
        (date(2026, 11, 22), "history-2026-11-22.jsonl"),
    ]


def test_pruning_returns_what_it_removed(tmp_path: Path) -> None:
    for name in (
        "history-2026-11-22.jsonl",
        "history-2026-11-15.jsonl",
        "history-2026-11-14.jsonl.1.gz",
    ):
        (tmp_path / name).write_bytes(b"")
    removed = History(tmp_path).prune(7, date(2026, 11, 22))
    assert [path.name for path in removed] == ["history-2026-11-14.jsonl.1.gz"]
    assert History(tmp_path).prune(0, date(2030, 1, 1)) == []


def test_a_clock_that_jumps_ahead_removes_nothing_for_a_day(tmp_path: Path) -> None:
    """Nor once the clock was corrected, even if later days were written meanwhile."""
    days = [date(2026, 11, day) for day in (20, 21, 22)]
    wrong = date(2027, 11, 22)
    for day in (*days, wrong):
        get_day_path(tmp_path, day).write_bytes(b"")
    assert History(tmp_path).prune(7, wrong) == []
    assert History(tmp_path).prune(7, date(2026, 11, 23)) == []
    assert [day for day, _ in list_day_files(tmp_path)] == [*days, wrong]


def test_what_is_too_old_after_a_long_rest_is_removed_on_the_day_after(tmp_path: Path) -> None:
    for day in (date(2026, 1, 1), date(2026, 11, 22)):
        get_day_path(tmp_path, day).write_bytes(b"")
    assert History(tmp_path).prune(7, date(2026, 11, 22)) == []
    removed = History(tmp_path).prune(7, date(2026, 11, 23))
    assert [path.name for path in removed] == ["history-2026-01-01.jsonl"]


def test_a_folder_that_is_gone_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"^cannot list {tmp_path}/gone: No such file"):
        History(tmp_path / "gone").prune(1, NOON.date())
