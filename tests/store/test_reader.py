"""The history is read completely and in order, even from damaged files."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cldmon.domain.instants import to_ms
from cldmon.domain.model import Window
from cldmon.errors import StoreError
from cldmon.store import history, reader
from cldmon.store.days import read_days
from cldmon.store.lines import LARGEST_DAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
MINUTE = 60_000
DAY = 1440 * MINUTE
AT = to_ms(NOON)
EVER = (0, AT + 365 * DAY)


def line(at: int, **accounts: int) -> bytes:
    """A line as a pass writes it: label → percent of the 5-hour window."""
    return make_line(at, {label: {"fiveHour": percent} for label, percent in accounts.items()})


def make_line(at: int, accounts: Mapping[str, Mapping[str, int]]) -> bytes:
    windows = {
        label: {name: Window(percent, None) for name, percent in values.items()}
        for label, values in accounts.items()
    }
    return history.format_line(datetime.fromtimestamp(at / 1000, UTC), windows).encode()


def write(folder: Path, *lines: bytes, day: str = "2026-03-12", end: bytes = b"\n") -> Path:
    path = folder / f"history-{day}.jsonl"
    path.write_bytes(b"".join(text + end for text in lines))
    return path


def read(folder: Path, since: int = EVER[0], until: int = EVER[1]) -> list[bytes]:
    return b"".join(read_days(folder, since, until)).splitlines()


def as_json(folder: Path, since: int = EVER[0], until: int = EVER[1]) -> list[Any]:
    parsed = json.loads(b"".join(reader.read_array(folder, since, until)))
    assert isinstance(parsed, list)
    return parsed


MINUTES = [line(AT + n * MINUTE, alice=n, bob=99 - n) for n in range(50)]


def test_what_the_writer_wrote_is_read_as_it_is(tmp_path: Path) -> None:
    written = history.History(tmp_path)
    for text in MINUTES:
        written.ensure(text.decode())
    assert read(tmp_path) == MINUTES


def test_a_line_at_either_end_of_the_span_belongs_to_it(tmp_path: Path) -> None:
    write(tmp_path, *MINUTES)
    assert read(tmp_path, AT + 3 * MINUTE, AT + 5 * MINUTE) == MINUTES[3:6]
    assert read(tmp_path, AT + 3 * MINUTE + 1, AT + 5 * MINUTE - 1) == MINUTES[4:5]


@given(
    st.lists(st.integers(0, 60), max_size=40, unique=True),
    st.integers(-1, 61),
    st.integers(-1, 61),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_clock_that_stepped_back_hides_no_line(
    tmp_path: Path, minutes: list[int], since: int, until: int
) -> None:
    """All lines of the span are returned, oldest first, in any order of the file."""
    write(tmp_path, *(line(AT + n * MINUTE, alice=n) for n in minutes))
    expected = [line(AT + n * MINUTE, alice=n) for n in sorted(minutes) if since <= n <= until]
    assert read(tmp_path, AT + since * MINUTE, AT + until * MINUTE) == expected


def test_a_pass_that_read_no_account_is_a_line_too(tmp_path: Path) -> None:
    lines = [MINUTES[0], line(AT + 1), MINUTES[1]]
    write(tmp_path, *lines)
    assert read(tmp_path) == lines
    assert [len(one["accounts"]) for one in as_json(tmp_path)] == [2, 0, 2]
    assert list(reader.read_all_series(tmp_path, *EVER)) == ["alice", "bob"]


def test_days_follow_each_other(tmp_path: Path) -> None:
    lines = [line(AT + n * DAY, alice=n) for n in range(-2, 3)]
    for text, day in zip(lines, range(10, 15), strict=True):
        write(tmp_path, text, day=f"2026-03-{day}")
    assert read(tmp_path) == lines
    assert read(tmp_path, AT - DAY, AT + DAY) == lines[1:4]


def test_a_pass_across_midnight_may_stand_in_the_later_file(tmp_path: Path) -> None:
    late = line(AT + 12 * 60 * MINUTE - 1, alice=1)
    write(tmp_path, late, day="2026-03-13")
    assert read(tmp_path, AT, AT + 12 * 60 * MINUTE - 1) == [late]


def test_no_folder_or_files_mean_no_history(tmp_path: Path) -> None:
    assert read(tmp_path) == read(tmp_path / "nowhere") == as_json(tmp_path) == []


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "history-2026-03-12.jsonl").mkdir()
    with pytest.raises(StoreError, match=r"cannot read .*history-2026-03-12\.jsonl"):
        read(tmp_path)


# --- damage -----------------------------------------------------------------------------------

foreign = st.one_of(
    st.binary(max_size=60).map(lambda data: data.replace(b"\n", b"")),
    st.sampled_from(
        [
            b"",
            b"\r",
            b"\xef\xbb\xbf",
            b"\0" * 4096,
            b"{}",
            b"[]",
            b"null",
            b'{"timestamp":1}',
            b'{"timestamp":1,"accounts":[',
            b'{"timestamp":"1","accounts":[]}',
            b'{"timestamp":true,"accounts":[]}',
            b'{"timestamp":-1,"accounts":[]}',
            b'{"timestamp":1e3,"accounts":[]}',
            b'{"timestamp":1,"accounts":[{"label":1}]}',
            b'{"timestamp":1,"accounts":[{"label":"a","fiveHour":NaN},{"label":1}]}',
            b'{"timestamp":999999999999999999,"accounts":[{"label":"a"}]}',
            b"[" * 100_000,
            b'{"timestamp":' + b"9" * 5000 + b"}",
            *(MINUTES[0][:cut] for cut in range(1, len(MINUTES[0]) - 1)),
        ]
    ),
)


@given(st.lists(foreign, max_size=6), st.randoms(use_true_random=False))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_foreign_lines_hide_no_other(tmp_path: Path, garbage: list[bytes], random: Any) -> None:
    mixed = [*MINUTES[1:8]]
    for text in garbage:
        mixed.insert(random.randrange(len(mixed) + 1), text)
    write(tmp_path, *mixed)
    assert [text for text in read(tmp_path) if text in MINUTES] == MINUTES[1:8]
    assert len(as_json(tmp_path)) == len(read(tmp_path))


def test_a_number_that_is_not_a_percentage_is_left_out(tmp_path: Path) -> None:
    """Even if it is too large for a float; the other windows of the line are kept."""
    accounts = b'"accounts":[{"label":"alice","fiveHour":%s,"sevenDay":45}]}'
    write(tmp_path, MINUTES[0].partition(b'"accounts"')[0] + accounts % (b"9" * 400))
    stamp = json.loads(MINUTES[0])["timestamp"]
    assert reader.read_series(tmp_path, "alice", stamp, stamp) == [(stamp, {"sevenDay": 45})]


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_a_file_cut_at_any_byte_loses_the_cut_line_at_most(
    tmp_path: Path, data: st.DataObject
) -> None:
    """Whether the next line was started on a new line (this program) or joined to it (others)."""
    whole = b"".join(text + b"\n" for text in MINUTES[:6])
    cut = data.draw(st.integers(0, len(whole)))
    glue = data.draw(st.sampled_from([b"", b"\n", b"\r\n", b"\0" * 512, b"\0\n"]))
    (tmp_path / "history-2026-03-12.jsonl").write_bytes(whole[:cut] + glue + MINUTES[20] + b"\n")
    intact = whole[: cut + 1].count(b"\n") if cut < len(whole) else 6
    assert read(tmp_path) == [*MINUTES[:intact], MINUTES[20]]
    assert len(as_json(tmp_path)) == intact + 1


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_bytes_cut_out_of_a_file_cost_the_lines_they_were_in_at_most(
    tmp_path: Path, data: st.DataObject
) -> None:
    whole = b"".join(text + b"\n" for text in MINUTES[:6])
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    (tmp_path / "history-2026-03-12.jsonl").write_bytes(whole[:start] + whole[end:])
    untouched = [*whole[:start].split(b"\n")[:-1], *whole[end:].split(b"\n")[1:-1]]
    found = read(tmp_path)
    assert [text for text in found if text in untouched] == untouched


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_zeros_after_a_loss_of_power_cost_the_lines_they_fell_on(
    tmp_path: Path, data: st.DataObject
) -> None:
    whole = b"".join(text + b"\n" for text in MINUTES[:6])
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    zeroed = whole[:start] + b"\0" * (end - start) + whole[end:]
    (tmp_path / "history-2026-03-12.jsonl").write_bytes(zeroed)
    intact = [text for text in MINUTES[:6] if text in zeroed]
    assert [text for text in read(tmp_path) if text in intact] == intact
    as_json(tmp_path)


@pytest.mark.parametrize("byte", [1, 9, 13, 27, 31, 128, 255])
def test_an_invalid_byte_in_a_label_costs_only_its_line(tmp_path: Path, byte: int) -> None:
    """In a line that otherwise has the writer's form, and so is not parsed."""
    damaged = MINUTES[1].replace(b"alice", b"al%bce" % bytes([byte]))
    write(tmp_path, MINUTES[0], damaged, MINUTES[2])
    assert read(tmp_path) == [MINUTES[0], MINUTES[2]]
    assert len(as_json(tmp_path)) == 2


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n", b" \n", b"\n\0\0\n"])
def test_line_ends_of_other_systems_are_understood(tmp_path: Path, end: bytes) -> None:
    write(tmp_path, *MINUTES, end=end)
    assert read(tmp_path) == MINUTES


def test_a_last_line_without_an_end_counts_if_it_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path, *MINUTES[:2])
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    assert read(tmp_path) == MINUTES[:2]
    path.write_bytes(path.read_bytes()[:-1])
    assert read(tmp_path) == MINUTES[:1]


@pytest.mark.parametrize(
    "text",
    [
        '{"timestamp": %d, "accounts": [{"label": "zoë", "fiveHour": 7}]}',
        '{"accounts":[{"label":"zoë","fiveHour":7}],"timestamp":%d}',
        '{"timestamp":%d,"accounts":[{"fiveHour":7,"label":"zoë"}]}',
        '{"timestamp":%d,"accounts":[{"label":"zo\\u00eb","fiveHour":7}]}',
        '{"timestamp":%d,"note":["x"],"accounts":[{"label":"zoë","fiveHour":7}],"more":1}',
        '  {"timestamp":%d,"accounts":[{"label":"zoë","fiveHour":7}]} trailing',
    ],
)
def test_a_line_of_another_form_is_brought_into_ours(tmp_path: Path, text: str) -> None:
    write(tmp_path, MINUTES[0], (text % (AT + 1)).encode())
    assert read(tmp_path) == [MINUTES[0], line(AT + 1, zoë=7)]
    assert reader.read_series(tmp_path, "zoë", *EVER) == [(AT + 1, {"fiveHour": 7})]


# --- gzip -------------------------------------------------------------------------------------


def test_a_gzipped_day_is_read_like_a_plain_one(tmp_path: Path) -> None:
    (tmp_path / "history-2026-03-12.jsonl.gz").write_bytes(gzip.compress(b"\n".join(MINUTES)))
    assert read(tmp_path) == MINUTES


def test_a_day_both_plain_and_gzipped_counts_each_line_once(tmp_path: Path) -> None:
    write(tmp_path, *MINUTES[5:])
    (tmp_path / "history-2026-03-12.jsonl.gz").write_bytes(
        gzip.compress(b"\n".join(MINUTES[:20]) + b"\n")
    )
    assert read(tmp_path) == MINUTES


@pytest.mark.parametrize("suffix", [".1", "-20260313", ".1.gz", "-20260313.gz"])
def test_a_day_that_logrotate_put_away_is_still_a_day(tmp_path: Path, suffix: str) -> None:
    """Even if part of it was compressed, and more was written afterwards."""
    plain = write(tmp_path, *MINUTES[:20])
    text = plain.read_bytes()
    rotated = plain.rename(f"{plain}{suffix}")
    rotated.write_bytes(gzip.compress(text) if suffix.endswith(".gz") else text)
    assert read(tmp_path) == MINUTES[:20]
    write(tmp_path, *MINUTES[20:])
    assert read(tmp_path) == MINUTES


def test_a_day_that_is_put_away_meanwhile_is_read_whole(tmp_path: Path) -> None:
    first, second = [line(AT - DAY, alice=1)], MINUTES
    write(tmp_path, *first, day="2026-03-11")
    plain = write(tmp_path, *second)
    chunks = read_days(tmp_path, *EVER)
    assert next(chunks).splitlines() == first
    plain.rename(f"{plain}.1")
    assert b"".join(chunks).splitlines() == second


@given(st.integers(0, 10_000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_gzip_cut_at_any_byte_beside_its_plain_file_costs_nothing(
    tmp_path: Path, cut: int
) -> None:
    """That is how a day looks while gzip is at work."""
    plain = write(tmp_path, *MINUTES)
    (tmp_path / (plain.name + ".gz")).write_bytes(gzip.compress(plain.read_bytes())[:cut])
    assert read(tmp_path) == MINUTES


def test_a_day_that_is_gzipped_or_unzipped_meanwhile_is_read_whole(tmp_path: Path) -> None:
    accounts = {f"account {n}": {"fiveHour": n} for n in range(100)}
    many = [make_line(AT + n, accounts) for n in range(300)]
    path = write(tmp_path, *many)

    def repack() -> None:
        for _ in range(20):
            subprocess.run(["gzip", "-1", path], check=True)
            subprocess.run(["gunzip", f"{path}.gz"], check=True)

    repacking = Thread(target=repack)
    repacking.start()
    while repacking.is_alive():
        assert read(tmp_path) == many
    repacking.join()


def test_a_day_that_is_deleted_meanwhile_has_no_lines(tmp_path: Path) -> None:
    lines = [line(AT + n * DAY, alice=1) for n in (-1, 0, 1)]
    paths = [
        write(tmp_path, text, day=f"2026-03-{day}")
        for text, day in zip(lines, (11, 12, 13), strict=True)
    ]
    chunks = read_days(tmp_path, *EVER)
    assert next(chunks).splitlines() == lines[:1]
    paths[1].unlink()
    assert b"".join(chunks).splitlines() == lines[2:]


def test_of_a_torn_gzip_the_readable_part_counts(tmp_path: Path) -> None:
    many = [line(AT + n, **{f"a{k}": hash((n, k)) % 100 for k in range(40)}) for n in range(500)]
    packed = gzip.compress(b"\n".join(many[:250]) + b"\n") + gzip.compress(b"\n".join(many[250:]))
    path = tmp_path / "history-2026-03-12.jsonl.gz"
    path.write_bytes(packed)
    assert read(tmp_path) == many
    path.write_bytes(packed[: len(packed) * 3 // 4])
    found = read(tmp_path)
    assert len(found) >= 250
    assert found == many[: len(found)]


READ_IN_EVERY_WAY = f"""
import sys
from collections import deque
from pathlib import Path
from cldmon.store import reader
from cldmon.store.history import History
folder = Path(sys.argv[1])
deque(reader.read_array(folder, 0, 10**14), maxlen=0)
deque(reader.iter_series(folder, 0, 10**14), maxlen=0)
reader.read_all_series(folder, {AT}, {AT + DAY // 2}, {10 * MINUTE})
History(folder).ensure({MINUTES[0].decode()!r})
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def measure_peak(folder: Path) -> int:
    """Return the peak resident memory, in bytes, of a process that reads the history."""
    argv = [sys.executable, "-c", READ_IN_EVERY_WAY, str(folder)]
    ran = subprocess.run(argv, capture_output=True, text=True, check=True)
    return int(ran.stdout) * 1024


BOMBS = {
    "zeros": bytes(1 << 20),
    "blanks": b" " * (1 << 20),
    "line ends": b"\n" * (1 << 20),
    "one line": MINUTES[0] * ((1 << 20) // len(MINUTES[0])),
    "the same line": (MINUTES[0] + b"\n") * ((1 << 20) // len(MINUTES[0])),
    "beginnings": (MINUTES[0][:30] + b"\n") * ((1 << 20) // 31),
    "short lines": b"x\n" * (1 << 19),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_gzip_bombs_do_not_fill_the_memory(tmp_path: Path, bomb: bytes) -> None:
    """However many files a day has."""
    packed = gzip.compress(bomb, 1) * 40
    for number in range(2):
        (tmp_path / f"history-2026-03-12.jsonl.{number}.gz").write_bytes(packed)
    assert measure_peak(tmp_path) < 80_000_000


def test_lines_before_gzip_bombs_are_read(tmp_path: Path) -> None:
    plain = write(tmp_path, *MINUTES)
    for number in range(4):
        bomb = gzip.compress(b"\n" + b" " * (1 << 20) + b"\n") * 100
        Path(f"{plain}.{number}.gz").write_bytes(gzip.compress(MINUTES[0] + b"\n") + bomb)
    assert read(tmp_path) == MINUTES


def test_only_the_first_lines_of_an_oversized_day_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    long = "x" * 100_000
    many = [line(AT + number, **{long: number % 100}) for number in range(1_000)]
    packed = gzip.compress(b"\n".join(many), 1)
    (tmp_path / "history-2026-03-12.jsonl.gz").write_bytes(packed)
    lines = read(tmp_path)
    assert LARGEST_DAY < sum(map(len, lines)) < LARGEST_DAY + 200_000
    assert lines == many[: len(lines)]
    assert "too large for a day" in caplog.text
    assert measure_peak(tmp_path) < 3 * LARGEST_DAY


@pytest.mark.parametrize("size", [1 << 26, 1 << 40], ids=["zeros", "a hole"])
def test_zeros_at_the_end_of_a_day_do_not_fill_the_memory(tmp_path: Path, size: int) -> None:
    path = write(tmp_path, *MINUTES)
    with path.open("r+b") as file:
        end = file.seek(0, 2)
        if size < 1 << 30:
            file.write(bytes(size))
        file.truncate(end + size)
        file.seek(end)
    assert measure_peak(tmp_path) < 100_000_000
    assert read(tmp_path)[:60] == MINUTES


@pytest.mark.parametrize("filling", [b"\0", b"x", b"x\n"], ids=["zeros", "garbage", "lines"])
def test_a_sample_passes_over_what_is_damaged(tmp_path: Path, filling: bytes) -> None:
    """There are lines before and after it."""
    lines = [
        line(AT + number * MINUTE, alice=number % 100, **{"x" * 1000: 1}) for number in range(400)
    ]
    path = write(tmp_path, *lines[:200])
    with path.open("ab") as file:
        file.write(filling * ((1 << 24) // len(filling)) + b"\n")
        file.writelines(each + b"\n" for each in lines[200:])
    assert b"".join(read_days(tmp_path, *EVER, 20 * MINUTE)).splitlines() == lines[::20]
    assert read(tmp_path) == lines


# --- as JSON ----------------------------------------------------------------------------------


def test_the_array_contains_the_lines_of_the_span(tmp_path: Path) -> None:
    write(tmp_path, *MINUTES[:20])
    write(tmp_path, *(line(AT + DAY + n, alice=n) for n in range(3)), day="2026-03-13")
    expected = list(map(json.loads, read(tmp_path, AT + 5 * MINUTE)))
    assert as_json(tmp_path, AT + 5 * MINUTE) == expected
    assert len(expected) == 18


def test_the_array_comes_in_chunks_of_a_mebibyte_at_most(tmp_path: Path) -> None:
    big = {f"account {n}": {"fiveHour": 50} for n in range(2000)}
    write(tmp_path, *(make_line(AT + n, big) for n in range(40)))
    chunks = list(reader.read_array(tmp_path, *EVER))
    assert max(map(len, chunks)) <= 1 << 20
    assert len(chunks) > 2
    assert len(json.loads(b"".join(chunks))) == 40


def test_no_lines_are_an_empty_array(tmp_path: Path) -> None:
    assert b"".join(reader.json_array([])) == b"".join(reader.read_array(tmp_path, *EVER)) == b"[]"


def test_selected_readings_are_lines_of_the_same_form(tmp_path: Path) -> None:
    write(tmp_path, *MINUTES)
    everything = reader.read_all_series(tmp_path, *EVER)
    assert b"".join(reader.format_series(everything)).splitlines() == MINUTES
    bob = b"".join(reader.format_series({"bob": everything["bob"]}))
    assert bob.splitlines()[0] == line(AT, bob=99)


# --- one account ------------------------------------------------------------------------------

labels = st.one_of(
    st.sampled_from(["a", "al", "alice", 'al"ice', "al\\", '","', '"}', "}]}", "[", "é", "🦊👩‍💻"]),
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('"\\[]{},:'),
        min_size=1,
        max_size=8,
    ),
)
percents = st.dictionaries(
    st.sampled_from(["fiveHour", "sevenDay", "sevenDayOpus", "models.Fable", 'models."x"']),
    st.integers(0, 100),
    max_size=4,
)


@example([{'",': {}, '\\",': {"fiveHour": 1}}, {'",': {"fiveHour": 2}, "\\": {}}])
@example([{",": {}}, {",": {"fiveHour": 1}, '","': {}}])
@given(st.lists(st.dictionaries(labels, percents, max_size=6), max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_each_account_is_found_by_its_label_and_no_other_is(
    tmp_path: Path, passes: Sequence[Mapping[str, Mapping[str, int]]]
) -> None:
    """Labels with quotes, brackets or emoji, and ones that begin like another."""
    lines = [make_line(AT + n, accounts) for n, accounts in enumerate(passes)]
    write(tmp_path, *lines)
    assert read(tmp_path) == lines
    found = reader.read_all_series(tmp_path, *EVER)
    for label in {label for accounts in passes for label in accounts}:
        expected = [(AT + n, a[label]) for n, a in enumerate(passes) if label in a]
        assert reader.read_series(tmp_path, label, *EVER) == found[label] == expected
    assert as_json(tmp_path) == [json.loads(text) for text in lines]


@pytest.mark.parametrize("label", ["", "nobody", "ali", "alice2", 'alice"', "\ud800"])
def test_an_account_that_is_not_there_has_no_readings(tmp_path: Path, label: str) -> None:
    write(tmp_path, *MINUTES)
    assert reader.read_series(tmp_path, label, *EVER) == []


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"17", 17),
        (b"17.5", 18),
        (b"101", 100),
        (b"-1", None),
        (b"-0.4", None),
        (b"1e300", None),
        (b"1" + b"0" * 400, None),
        (b"null", None),
        (b'"17"', None),
        (b"true", None),
        (b"1e999", None),
        (b"NaN", None),
        (b"{}", None),
    ],
)
def test_a_value_is_a_percentage_or_missing(
    tmp_path: Path, written: bytes, shown: int | None
) -> None:
    write(tmp_path, MINUTES[0].replace(b'"bob","fiveHour":99', b'"bob","fiveHour":' + written))
    expected = {} if shown is None else {"fiveHour": shown}
    assert reader.read_series(tmp_path, "bob", *EVER) == [(AT, expected)]


def test_a_damaged_account_hides_no_other(tmp_path: Path) -> None:
    write(tmp_path, MINUTES[0].replace(b'"alice","fiveHour":0', b'"alice","fiveHour:0'))
    assert reader.read_all_series(tmp_path, *EVER) == {"bob": [(AT, {"fiveHour": 99})]}
    assert reader.read_series(tmp_path, "alice", *EVER) == []


def test_steps_of_time_thin_the_lines_to_the_first_of_each(tmp_path: Path) -> None:
    write(tmp_path, *MINUTES)
    every_tenth = [AT + n * MINUTE for n in range(0, 50, 10)]
    thinned = reader.read_all_series(tmp_path, *EVER, step_ms=10 * MINUTE)
    assert [stamp for stamp, _ in thinned["alice"]] == every_tenth
    assert reader.read_series(tmp_path, "alice", *EVER, step_ms=10 * MINUTE) == thinned["alice"]


# --- a sample ---------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 1439), min_size=1, max_size=200, unique=True),
    st.integers(1, 500),
    st.sampled_from([1, 40, 400]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_sample_is_the_first_line_of_each_step(
    tmp_path: Path, minutes: list[int], step: int, width: int
) -> None:
    """In files of one chunk or many."""
    midnight, step_ms = to_ms(datetime(2026, 3, 12, tzinfo=UTC)), step * MINUTE
    stamps = sorted(midnight + n * MINUTE for n in minutes)
    accounts = {f"account number {n}": {"fiveHour": 42, "sevenDay": 42} for n in range(width)}
    write(tmp_path, *(make_line(stamp, accounts) for stamp in stamps))
    expected = {stamp // step_ms: stamp for stamp in reversed(stamps)}
    points = reader.read_all_series(tmp_path, midnight, midnight + DAY, step_ms)["account number 0"]
    assert [stamp for stamp, _ in points] == sorted(expected.values())


def test_a_sample_spans_days_plain_and_gzipped(tmp_path: Path) -> None:
    start = to_ms(NOON.replace(hour=0))
    for day in range(3):
        stamps = (start + day * DAY + n * 10 * MINUTE for n in range(144))
        text = b"\n".join(line(stamp, alice=day) for stamp in stamps) + b"\n"
        name = f"history-{(NOON + timedelta(days=day)).date()}.jsonl"
        if day == 1:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text))
        else:
            (tmp_path / name).write_bytes(text)
    points = reader.read_all_series(tmp_path, start, start + 3 * DAY, DAY // 2)["alice"]
    assert points == [(start + n * DAY // 2, {"fiveHour": n // 2}) for n in range(6)]


@given(st.lists(foreign, max_size=6), st.randoms(use_true_random=False))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_sample_contains_only_valid_lines(
    tmp_path: Path, garbage: list[bytes], random: Any
) -> None:
    mixed = [*MINUTES]
    for text in garbage:
        mixed.insert(random.randrange(len(mixed) + 1), text)
    write(tmp_path, *mixed)
    points = reader.read_all_series(tmp_path, AT, AT + DAY // 4, DAY // 120)["alice"]
    assert points
    for stamp, windows in points:
        assert line(stamp, alice=windows["fiveHour"], bob=99 - windows["fiveHour"]) in MINUTES


def test_a_sample_of_nothing_is_empty(tmp_path: Path) -> None:
    write(tmp_path, b"")
    assert reader.read_all_series(tmp_path, AT, AT + DAY, MINUTE) == {}
