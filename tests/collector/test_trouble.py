"""Passes in a env that is not in order: damaged files, a wrong clock, another pass."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon import files
from cldmon.errors import BusyError, StoreError
from cldmon.store.state import StateFile, encode
from tests.fakes import DOWN, NOON

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.env import CollectorEnv

HIT = "U1: limit_hit alice fiveHour"
DAMAGED = [
    b"",
    b"\x00" * 4096,
    b"{",
    b"null",
    b"[1]",
    b'"version"',
    b"{}",
    b'{"version": 1}',
    b"\xff\xfe",
    b"[" * 100_000,
    b"9" * 10_000,
]


def state_path(env: CollectorEnv) -> Path:
    return env.data_dir / "state.json"


def tamper(env: CollectorEnv, *keys: str | int, value: object) -> bytes:
    """Put a value where it cannot be in state.json, and return the bytes of that."""
    body = json.loads(state_path(env).read_bytes())
    place = body
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    text = json.dumps(body).encode()
    state_path(env).write_bytes(text)
    return text


def goes_on_after(env: CollectorEnv, damaged: bytes) -> None:
    """Prove that a pass keeps the damaged file, says so in one line, and does its job."""
    env.run({"alice": 77})
    [aside] = env.data_dir.glob("state.json.corrupt-*")
    assert re.fullmatch(r"state\.json\.corrupt-\d{8}T\d{6}Z", aside.name)
    assert aside.read_bytes() == damaged
    [warning] = env.warnings
    assert warning == (
        f"{state_path(env)} is not what cldmon writes: it is corrupt;"
        f" it is kept as {aside}, and a new one begins"
    )
    assert env.percents()[-1] == 77
    assert env.run({"alice": 100}).snapshot.accounts
    assert env.warnings == []
    assert env.sent_alerts == [HIT]


@pytest.mark.parametrize("damaged", DAMAGED)
def test_a_corrupt_state_is_kept_aside_and_the_pass_goes_on(
    env: CollectorEnv, damaged: bytes
) -> None:
    state_path(env).write_bytes(damaged)
    goes_on_after(env, damaged)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("counters",), {"errors.timeout": "many"}),
        (("historyLine",), "no line"),
        (("historyLine",), '{"timestamp":1e400,'),
        (("historyLine",), 5),
        (("passSeconds",), "long"),
        (("passSeconds",), float("nan")),
        (("channelRetryAt",), {"slack-dm": "soon"}),
        (("snapshot", "refreshIntervalMs"), 10**400),
        (("snapshot", "refreshIntervalMs"), 1e300),
        (("snapshot", "accounts"), 7),
        (("snapshot", "accounts", 0, "label"), ["alice"]),
        (("snapshot", "accounts", 0, "fiveHour", "utilization"), "full"),
        (("accounts", "alice", "windows", "fiveHour", "utilization"), "full"),
        (("accounts", "alice", "windows", "fiveHour", "utilization"), 1_000),
        (("accounts", "alice", "organization"), [1]),
        (("accounts", "alice", "key"), {"fingerprint": None, "since": None}),
        (("outbox",), [{}]),
        (("outbox",), {"a": 1}),
        (("counters",), {"\ud800": 1}),
    ],
)
def test_a_state_with_a_value_that_cannot_be_is_corrupt_too(
    env: CollectorEnv, keys: tuple[str | int, ...], value: object
) -> None:
    """It is found before the pass, not in the middle of it."""
    env.run({"alice": 99})
    goes_on_after(env, tamper(env, *keys, value=value))


def test_a_state_of_another_version_is_refused_and_left_alone(env: CollectorEnv) -> None:
    """It is whole: an older program must not throw away what a newer one knows."""
    env.run()
    text = tamper(env, "version", value=4)
    lines = env.raw_history
    with pytest.raises(StoreError, match="written by another version of cldmon: use that one"):
        env.run()
    assert state_path(env).read_bytes() == text
    assert env.raw_history == lines
    assert not list(env.data_dir.glob("*corrupt*"))


def test_a_line_that_a_killed_pass_left_out_is_written_by_the_next(env: CollectorEnv) -> None:
    env.run({"alice": 1})
    [line] = env.raw_history
    [day] = env.data_dir.glob("history-*")
    day.write_bytes(b"")
    env.run({"alice": 2})
    assert env.raw_history[0] == line
    assert env.percents() == [1, 2]


@pytest.mark.parametrize("cut", [1, 2, 10, -1])
def test_a_torn_last_line_hides_no_other_and_is_glued_to_none(env: CollectorEnv, cut: int) -> None:
    """Cut anywhere, the torn line ends where it is; the whole one is written anew."""
    for percent in (1, 2):
        env.run({"alice": percent})
    [day] = env.data_dir.glob("history-*")
    text = day.read_bytes()
    last = text.splitlines(keepends=True)[-1]
    day.write_bytes(text[: -len(last)] + last[: len(last) - cut if cut > 0 else 1])
    env.run({"alice": 3})
    assert env.percents() == [1, 2, 3]
    assert day.read_bytes().endswith(b"}]}\n")


def test_a_line_that_lacks_its_end_only_is_not_written_twice(env: CollectorEnv) -> None:
    env.run({"alice": 1})
    [day] = env.data_dir.glob("history-*")
    day.write_bytes(day.read_bytes().removesuffix(b"\n"))
    env.run({"alice": 2})
    assert env.percents() == [1, 2]
    assert len(env.raw_history) == 2


def test_a_foreign_last_line_is_left_as_it_is(env: CollectorEnv) -> None:
    env.run({"alice": 1})
    [day] = env.data_dir.glob("history-*")
    with day.open("ab") as file:
        file.write(b"# a note\n\x00\x00 torn")
    env.run({"alice": 2})
    assert env.raw_history[1:3] == [b"# a note", b"\x00\x00 torn"]
    assert env.percents() == [1, 2]


def test_lines_of_another_writer_behind_the_last_one_do_not_repeat_it(env: CollectorEnv) -> None:
    """Where a Node cldmon still writes the same files."""
    env.run({"alice": 1})
    [day] = env.data_dir.glob("history-*")
    with day.open("ab") as file:
        file.write(b'{"timestamp":1,"accounts":[{"label":"alice","fiveHour":50}]}\n')
    env.run({"alice": 2})
    assert env.percents() == [1, 50, 2]


def test_a_day_file_that_was_gzipped_between_two_passes_is_not_begun_with_old_lines(
    env: CollectorEnv,
) -> None:
    env.run({"alice": 1})
    [day] = env.data_dir.glob("history-*")
    zipped = day.with_name(day.name + ".gz")
    zipped.write_bytes(gzip.compress(day.read_bytes()))
    day.unlink()
    env.run({"alice": 2})
    assert env.percents() == [2]
    assert b'"fiveHour":1}' in gzip.decompress(zipped.read_bytes())


@pytest.mark.parametrize("damaged", [b"", b"\x1f\x8b", b"no gzip at all"])
def test_a_damaged_gzip_stops_no_pass(env: CollectorEnv, damaged: bytes) -> None:
    """The line cannot be found in it, so it is written: twice is better than not at all."""
    env.run({"alice": 1})
    [day] = env.data_dir.glob("history-*")
    day.with_name(day.name + ".gz").write_bytes(damaged)
    day.unlink()
    env.run({"alice": 2})
    assert env.percents() == [1, 2]


def test_a_day_file_that_was_deleted_or_moved_brings_back_its_last_line_at_most(
    env: CollectorEnv,
) -> None:
    """Whether it was written cannot be known then."""
    for percent in (1, 2, 3):
        env.run({"alice": percent})
    [day] = env.data_dir.glob("history-*")
    day.rename(env.data_dir.parent / "archive.jsonl")
    env.run({"alice": 4})
    assert env.percents() == [3, 4]


def test_a_clock_that_was_set_back_is_said_and_loses_nothing(env: CollectorEnv) -> None:
    """The line goes into the file of its own day, and what was known stays known."""
    env.run({"alice": 99})
    local = env.clock.at.astimezone()
    env.run({"alice": DOWN}, later=timedelta(days=-3))
    assert env.warnings == [
        f"the clock was set back: the last pass was at {local:%Y-%m-%d %H:%M:%S %Z}"
    ]
    env.run({"alice": 100})
    assert env.warnings == []
    assert env.sent_alerts == [HIT]
    names = [path.name for path in sorted(env.data_dir.glob("history-*"))]
    assert names == ["history-2026-11-19.jsonl", "history-2026-11-22.jsonl"]
    assert sorted(env.percents()) == [99, 100]


def test_a_pass_around_midnight_writes_to_the_day_of_its_end_in_utc(env: CollectorEnv) -> None:
    env.clock.at = NOON.replace(hour=23, minute=45)
    env.run({"alice": 1})
    env.run({"alice": 2})
    names = [path.name for path in sorted(env.data_dir.glob("history-*"))]
    assert names == ["history-2026-11-22.jsonl", "history-2026-11-23.jsonl"]
    assert env.percents() == [1, 2]


def test_day_files_older_than_wanted_are_removed_gzipped_ones_too(env: CollectorEnv) -> None:
    env.run()
    for day in ("2026-11-21", "2026-11-20", "2026-11-19"):
        (env.data_dir / f"history-{day}.jsonl").write_bytes(b"")
    (env.data_dir / "history-2026-11-18.jsonl.gz").write_bytes(b"")
    foreign = ("history-2026-13-45.jsonl", "history-2001-01-01.jsonl.bak", "history.jsonl")
    for name in foreign:
        (env.data_dir / name).write_bytes(b"")
    env.settings = replace(env.settings, keep_days=2)
    env.run()
    left = {path.name for path in env.data_dir.glob("history*")}
    kept = {f"history-2026-11-{day}.jsonl" for day in (22, 21, 20)}
    assert left == kept | set(foreign)


def test_the_history_is_kept_for_ever_by_default(env: CollectorEnv) -> None:
    old = env.data_dir / "history-2001-01-01.jsonl"
    old.write_bytes(b"")
    env.run()
    assert old.exists()


def test_an_old_day_file_that_cannot_be_removed_is_said_and_stops_nothing(
    env: CollectorEnv,
) -> None:
    env.run({"alice": 99})
    (env.data_dir / "history-2001-01-01.jsonl").mkdir()
    (env.data_dir / "history-2026-11-21.jsonl").write_bytes(b"")
    env.settings = replace(env.settings, keep_days=1)
    env.run({"alice": 100})
    assert env.sent_alerts == [HIT]
    [warning] = env.warnings
    assert warning.startswith(f"cannot remove {env.data_dir}/history-2001-01-01.jsonl: ")


def test_two_passes_at_once_are_one_and_an_error_that_names_the_process(env: CollectorEnv) -> None:
    env.run({"alice": 1})
    before = state_path(env).read_bytes()
    with (
        files.lock(env.data_dir / "fetch.lock", wait=0),
        pytest.raises(BusyError, match=rf"^another pass is running \(process {os.getpid()}\)$"),
    ):
        env.run({"alice": 2})
    assert state_path(env).read_bytes() == before
    assert len(env.source.asked) == 1
    env.run({"alice": 3})
    assert env.percents() == [1, 3]


def test_the_lock_of_a_process_that_was_killed_blocks_nobody(env: CollectorEnv) -> None:
    """The kernel lets go of it; the process number in the file means nothing then."""
    holding = (
        "import pathlib, sys, time; from cldmon import files\n"
        "with files.lock(pathlib.Path(sys.argv[1]), wait=0):\n"
        "    print(flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", holding, str(env.data_dir / "fetch.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"\n"
        with pytest.raises(BusyError, match=f"process {holder.pid}"):
            env.run()
        holder.kill()
    env.run()


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o022])
def test_all_files_are_private_under_any_umask(env: CollectorEnv, umask: int) -> None:
    """0600 and 0700, the folders that had to be made above data_dir included."""
    shutil.rmtree(env.data_dir)
    env.data_dir = env.data_dir / "state" / "cldmon"
    old = os.umask(umask)
    try:
        env.subscribe("U1")
        env.run({"alice": 99})
        env.run({"alice": 100})
    finally:
        os.umask(old)
    modes = {path.name: path.stat().st_mode & 0o777 for path in env.data_dir.iterdir()}
    assert len(modes) == 6
    assert set(modes.values()) == {0o600}
    for folder in (env.data_dir, env.data_dir.parent, env.data_dir.parent.parent):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_state_that_was_readable_by_others_is_private_after_a_pass(env: CollectorEnv) -> None:
    env.run()
    state_path(env).chmod(0o644)
    env.run()
    assert state_path(env).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["fetch.lock", "history-2026-11-22.jsonl"])
def test_a_symbolic_link_is_refused_where_it_would_redirect_a_write(
    env: CollectorEnv, tmp_path: Path, name: str
) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"precious")
    (env.data_dir / name).symlink_to(target)
    with pytest.raises(StoreError, match=r"\(it is a symbolic link, .* remove it\)$"):
        env.run()
    assert target.read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["state.json", ".state.json.tmp"])
def test_a_symbolic_link_in_the_place_of_the_state_is_not_written_through(
    env: CollectorEnv, tmp_path: Path, name: str
) -> None:
    """The state replaces it or refuses it; what it points to stays as it is."""
    target = tmp_path / "precious"
    target.write_bytes(encode(StateFile(env.data_dir).load()))
    before = target.read_bytes()
    (env.data_dir / name).symlink_to(target)
    for percent in (1, 2):
        try:
            env.run({"alice": percent})
        except StoreError as error:
            assert "it is a symbolic link" in str(error)  # noqa: PT017 - only one of two raises
    assert target.read_bytes() == before
    assert not state_path(env).is_symlink()


def test_a_data_dir_that_is_a_file_is_one_clear_line(env: CollectorEnv) -> None:
    shutil.rmtree(env.data_dir)
    env.data_dir.write_bytes(b"")
    with pytest.raises(StoreError, match=f"^cannot make the folder {env.data_dir}: File exists$"):
        env.run()
