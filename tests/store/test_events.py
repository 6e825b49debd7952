"""The events of a span are read completely and in order, from events files and from the history."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cldmon.domain.events import OCCURRENCES, Event, EventKind
from cldmon.domain.instants import to_ms
from cldmon.domain.model import Window
from cldmon.domain.windows import FULL
from cldmon.errors import StoreError
from cldmon.store.events import read_event_lines, read_events
from cldmon.store.history import History, format_event_line, format_line
from tests.strategies import JSON, NAME, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from random import Random

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
EVER = (0, to_ms(NOON + 365 * DAY))
HIT, RESET = EventKind.LIMIT_HIT, EventKind.USAGE_RESET

DURING = st.integers(-3 * 24 * 60, 3 * 24 * 60).map(lambda minutes: NOON + minutes * MINUTE)
STORED = st.builds(
    Event,
    st.sampled_from(OCCURRENCES),
    TEXT,
    st.none() | NAME,
    DURING,
    st.none() | DURING,
    st.none() | st.integers(0, 100),
)
FOREIGN = st.one_of(
    st.binary(max_size=80).map(lambda text: text.replace(b"\n", b"")),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(
        [
            b"",
            b"\0" * 100,
            b'{"timestamp":',
            b'{"timestamp":1,"accounts":[]}',
            b'{"timestamp":"1","event":"limit_hit","label":"alice"}',
            b'{"timestamp":1773316800000,"event":"limit_hit","label":7}',
            b'{"timestamp":1773316800000,"event":"test","label":"alice"}',
            b'{"timestamp":1773316800000,"event":"unknown","label":"alice"}',
            b'{"timestamp":1773316800000,"event":"limit_hit","label":"a","utilization":101}',
            b'{"timestamp":1773316800000,"event":"limit_hit","label":"\\ud800","window":null}',
            b'{"timestamp":1773316800000,"event":"limit_hit","label":"a","resetsAt":"soon"}',
            b'{"timestamp":9999999999999999,"event":"limit_hit","label":"alice","window":null}',
            b"[" * 5000,
        ]
    ),
)


def write_events(folder: Path, events: Iterable[Event]) -> None:
    """Write events as passes do."""
    log = History(folder, "events")
    for event in events:
        log.ensure(format_event_line(event, event.at))


def write_history(folder: Path, at: datetime, accounts: Mapping[str, Mapping[str, int]]) -> None:
    """Write the history line of a pass."""
    windows = {
        label: {name: Window(percent, None) for name, percent in named.items()}
        for label, named in accounts.items()
    }
    History(folder).ensure(format_line(at, windows))


def read(folder: Path, since: datetime | None = None, until: datetime | None = None) -> list[Event]:
    span = to_ms(since) if since else EVER[0], to_ms(until) if until else EVER[1]
    return [*read_events(folder, *span)]


def hit(at: datetime, label: str = "alice") -> Event:
    return Event(HIT, label, "fiveHour", at, at + timedelta(hours=1), 100)


@given(st.lists(STORED, max_size=20, unique=True), st.none() | DURING, st.none() | DURING)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_passes_wrote_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[Event],
    since: datetime | None,
    until: datetime | None,
) -> None:
    """All events of the span are returned, oldest first, each once."""
    folder = tmp_path_factory.mktemp("data")
    write_events(folder, events)
    write_events(folder, events)  # by a pass that completes one that was killed
    expected = [
        event
        for event in sorted(events, key=lambda event: event.at)
        if (since is None or since <= event.at) and (until is None or event.at <= until)
    ]
    assert read(folder, since, until) == expected


@given(
    st.lists(STORED, max_size=8, unique=True),
    st.lists(FOREIGN, max_size=6),
    st.integers(0, 400),
    st.sampled_from(["plain", "gzipped", "both", "rotated"]),
    st.randoms(use_true_random=False),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damaged_and_foreign_lines_hide_no_event(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[Event],
    foreign: list[bytes],
    cut: int,
    form: str,
    random: Random,
) -> None:
    """Also if the last line is torn, and whether the day is gzipped, rotated, or both."""
    folder = tmp_path_factory.mktemp("data")
    write_events(folder, events)
    for path in folder.glob("events-*.jsonl"):
        lines = path.read_bytes().splitlines()
        torn = lines[-1][: min(cut, len(lines[-1]) - 1)]
        for text in foreign:
            lines.insert(random.randrange(len(lines) + 1), text)
        text = b"\n".join([*lines, torn])
        if form in ("gzipped", "both"):
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(text))
        path.write_bytes(text)
        if form == "gzipped":
            path.unlink()
        elif form == "rotated":
            path.rename(f"{path}.1")
    assert sorted(map(str, read(folder))) == sorted(map(str, events))
    assert [event.at for event in read(folder)] == sorted(event.at for event in events)


def test_lines_of_other_programs_are_read_as_far_as_they_are_known(tmp_path: Path) -> None:
    path = tmp_path / "events-2026-03-12.jsonl"
    path.write_text(f'{{"label":"bob", "event":"limit_hit", "timestamp":{to_ms(NOON)}}}\n')
    assert read(tmp_path) == [Event(HIT, "bob", None, NOON)]
    assert b"".join(read_event_lines(tmp_path, *EVER)).decode() == (
        f'{{"timestamp":{to_ms(NOON)},"event":"limit_hit","label":"bob","window":null,'
        '"utilization":null,"resetsAt":null}\n'
    )


def test_no_folder_or_files_mean_no_events(tmp_path: Path) -> None:
    assert read(tmp_path) == read(tmp_path / "nowhere") == []


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "events-2026-03-12.jsonl").mkdir()
    with pytest.raises(StoreError, match=r"events-2026-03-12\.jsonl"):
        read(tmp_path)


# --- days without an events file --------------------------------------------------------------


def test_hits_and_falls_come_from_the_history_of_days_without_events(tmp_path: Path) -> None:
    """What the history does not tell is unknown: when the window ends."""
    for minute, percent in enumerate((90, 100, 100, 40, 100, 0)):
        write_history(tmp_path, NOON + minute * MINUTE, {"alice": {"sevenDay": percent}})
    assert read(tmp_path) == [
        Event(HIT, "alice", "sevenDay", NOON + MINUTE, None, 100),
        Event(RESET, "alice", "sevenDay", NOON + 3 * MINUTE, None, 40),
        Event(HIT, "alice", "sevenDay", NOON + 4 * MINUTE, None, 100),
        Event(RESET, "alice", "sevenDay", NOON + 5 * MINUTE, None, 0),
    ]


def test_the_history_of_a_day_with_an_events_file_is_not_asked(tmp_path: Path) -> None:
    for day in range(5):
        for minute, percent in enumerate((50, 100, 0)):
            at = NOON + day * DAY + minute * MINUTE
            write_history(tmp_path, at, {"alice": {"fiveHour": percent}})
    write_events(tmp_path, [hit(NOON + day * DAY) for day in (1, 3)])
    days = [(event.at.day, event.at.minute, event.kind) for event in read(tmp_path)]
    derived = [(1, HIT), (2, RESET)]
    assert days == [
        *((12, minute, kind) for minute, kind in derived),
        (13, 0, HIT),
        *((14, minute, kind) for minute, kind in derived),
        (15, 0, HIT),
        *((16, minute, kind) for minute, kind in derived),
    ]


def test_a_change_counts_where_the_later_reading_is(tmp_path: Path) -> None:
    """The reading before it may be older than the span, by up to a day."""
    write_history(tmp_path, NOON - 10 * MINUTE, {"alice": {"fiveHour": 90}, "bob": {}})
    write_history(tmp_path, NOON, {"bob": {}})
    write_history(tmp_path, NOON + 10 * MINUTE, {"alice": {"fiveHour": 100}})
    (found,) = read(tmp_path, NOON, NOON + 10 * MINUTE)
    assert (found.at, found.kind) == (NOON + 10 * MINUTE, HIT)
    assert read(tmp_path, NOON + 11 * MINUTE) == read(tmp_path, None, NOON) == []


HALF_HOUR = st.integers(0, 48).map(lambda half_hours: NOON + half_hours * 30 * MINUTE)
"""A time of two days, none more than a day after another."""


@given(
    st.dictionaries(
        HALF_HOUR,
        st.dictionaries(
            st.sampled_from(["alice", "bob"]),
            st.dictionaries(
                st.sampled_from(["fiveHour", "models.Fable"]),
                st.sampled_from([0, 60, 100]),
                max_size=2,
            ),
            max_size=2,
        ),
        max_size=40,
    ),
    st.sets(st.integers(0, 1)),
    HALF_HOUR,
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_events_equal_those_found_reading_by_reading(
    tmp_path_factory: pytest.TempPathFactory,
    passes: Mapping[datetime, Mapping[str, Mapping[str, int]]],
    event_days: set[int],
    since: datetime,
) -> None:
    folder = tmp_path_factory.mktemp("data")
    stored = [hit(NOON + day * DAY, "carol") for day in event_days]
    write_events(folder, stored)
    days = {event.at.date() for event in stored}
    expected = [event for event in stored if event.at >= since]
    for at in sorted(passes):
        write_history(folder, at, passes[at])
        for label, windows in passes[at].items():
            for name, percent in windows.items():
                earlier = [
                    passes[before][label][name]
                    for before in sorted(passes)
                    if before < at and name in passes[before].get(label, {})
                ]
                has_changed = earlier and (earlier[-1] >= FULL) != (percent >= FULL)
                if has_changed and at >= since and at.date() not in days:
                    kind = HIT if percent >= FULL else RESET
                    expected.append(Event(kind, label, name, at, None, percent))
    found = read(folder, since)
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert [event.at for event in found] == sorted(event.at for event in found)
    of_alice = [*read_events(folder, to_ms(since), EVER[1], ["alice"])]
    assert of_alice == [event for event in found if event.label == "alice"]
