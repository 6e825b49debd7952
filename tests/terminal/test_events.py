"""Events and gaps in rows: for people, and for programs."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cldmon.domain.events import OCCURRENCES
from cldmon.domain.instants import to_ms
from cldmon.domain.series import Gap
from cldmon.domain.text import is_printable
from cldmon.store.events import parse_event
from cldmon.terminal import events as lists
from cldmon.terminal.style import Terminal, width
from tests.strategies import EVENT, INSTANT, TEXT

NOW = datetime(2026, 3, 29, 9, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
TERMINAL = Terminal(80, colour=False, unicode=True)
GAP = st.builds(Gap, INSTANT.map(to_ms), st.none() | INSTANT.map(to_ms), st.none() | TEXT)


def minutes(ago: int) -> datetime:
    return NOW - timedelta(minutes=ago)


def event(ago: int, kind: str, label: str = "alice", **keys: object) -> dict[str, object]:
    return {"timestamp": to_ms(minutes(ago)), "event": kind, "label": label, **keys}


LATER = "2026-03-29T15:00:00Z"
EVENTS = [
    event(95, "limit_hit", window="fiveHour", utilization=100, resetsAt=LATER),
    event(90, "usage_reset", window="fiveHour", utilization=0),
    event(80, "usage_reset", window="fiveHour", utilization=4, resetsAt=LATER),
    event(70, "threshold", window="models.Fable", utilization=83, resetsAt="2026-04-02T09:00:00Z"),
    event(60, "run_out", window="sevenDay", utilization=61, resetsAt="2026-04-20T09:00:00Z"),
    event(50, "limit_changed", window="sevenDay", utilization=40),
    event(40, "key_expiring"),
    event(30, "account_failed"),
    event(20, "account_recovered"),
    event(10, "saved_reset_ending", resetsAt="2026-03-31T09:00:00Z"),
]
GAPS = [Gap(to_ms(minutes(85)), to_ms(minutes(15)), None), Gap(to_ms(minutes(5)), None, "bob")]


def test_a_table_says_what_happened_in_the_reader_s_time() -> None:
    entries = lists.merge_entries(map(parse_event, EVENTS), GAPS)
    assert lists.format_table(entries, TERMINAL, BERLIN).split("\n") == [
        "Time              Account  Window    What",
        "2026-03-29 09:25  alice    5h        limit hit, resets 17:00",
        "2026-03-29 09:30  alice    5h        reset",
        "2026-03-29 09:35  (all)              no readings until 10:45",
        "2026-03-29 09:40  alice    5h        reset to 4%, resets 17:00",
        "2026-03-29 09:50  alice    7d Fable  reached 83%, resets Thu 11:00",
        "2026-03-29 10:00  alice    7d        will run out early, at 61%, resets 20 Apr 11:00",
        "2026-03-29 10:10  alice    7d        limit changed, then at 40%",
        "2026-03-29 10:20  alice              session key expires soon",
        "2026-03-29 10:30  alice              can't be read",
        "2026-03-29 10:40  alice              can be read again",
        "2026-03-29 10:50  alice              saved reset ends Tue 11:00",
        "2026-03-29 10:55  bob                no more readings",
    ]


def test_long_names_leave_room_for_what_happened() -> None:
    long = event(5, "limit_hit", "a label that goes on", window="models.and on", resetsAt=LATER)
    shown = lists.format_table([parse_event(long)], TERMINAL, BERLIN).split("\n")[1]
    assert shown == "2026-03-29 10:55  a label that go…  7d and on  limit hit, resets 17:00"


@given(st.lists(EVENT | GAP, max_size=8))
def test_anything_makes_a_row_and_nothing_steers_the_terminal(entries: list[lists.Entry]) -> None:
    table = lists.format_table(entries, TERMINAL, BERLIN).split("\n")
    rows = list(csv.reader(io.StringIO("\n".join(lists.format_csv_lines(entries, TERMINAL)))))
    lines = [json.loads(line) for line in lists.format_json_lines(entries)]
    assert len(table) == len(rows) == len(entries) + 1
    assert all(len(row) == len(lists.HEADER) for row in rows)
    assert all(is_printable(line) for line in table)
    assert len(lines) == len(entries)
    assert all(isinstance(line["timestamp"], int) for line in lines)
    assert all(width(line) >= 4 for line in table)


def test_every_kind_has_words() -> None:
    texts = {lists.format_table([parse_event(each)], TERMINAL, BERLIN) for each in EVENTS}
    assert len(texts) == len(EVENTS)
    assert {each["event"] for each in EVENTS} == set(OCCURRENCES)
