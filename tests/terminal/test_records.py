"""The history in rows: for people, and for programs."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cldmon.domain.instants import to_ms
from cldmon.domain.ranges import Span
from cldmon.terminal.chart import Frame
from cldmon.terminal.records import format_csv_lines, format_table
from cldmon.terminal.style import Terminal, width

NOW = datetime(2026, 3, 29, 9, tzinfo=UTC)
TERMINAL = Terminal(80, colour=False, unicode=True)
WINDOWS = ["fiveHour", "sevenDay"]


def frame(hours: float, terminal: Terminal = TERMINAL) -> Frame:
    span = Span(NOW - timedelta(hours=hours), NOW)
    return Frame(span, timedelta(minutes=10), terminal, 24, ZoneInfo("Europe/Berlin"))


def at(minutes: float) -> int:
    return to_ms(NOW - timedelta(minutes=minutes))


def test_csv_has_a_row_for_each_reading_and_window() -> None:
    accounts = {
        'al"ice, x': [(at(10), {"fiveHour": 5, "sevenDay": 40}), (at(0), {"sevenDay": 41})],
        "bob": [(at(10), {"fiveHour": 100})],
    }
    text = "\n".join(format_csv_lines(accounts, WINDOWS, TERMINAL))
    assert list(csv.reader(io.StringIO(text))) == [
        ["time", "label", "window", "utilization"],
        ["2026-03-29T08:50:00.000Z", 'al"ice, x', "fiveHour", "5"],
        ["2026-03-29T08:50:00.000Z", 'al"ice, x', "sevenDay", "40"],
        ["2026-03-29T09:00:00.000Z", 'al"ice, x', "sevenDay", "41"],
        ["2026-03-29T08:50:00.000Z", "bob", "fiveHour", "100"],
    ]


def test_csv_without_readings_is_its_header() -> None:
    assert list(format_csv_lines({}, [], TERMINAL)) == ["time,label,window,utilization"]


def test_a_table_shows_the_reader_s_time_and_what_is_missing() -> None:
    points = [(at(20), {"fiveHour": 5, "sevenDay": 40}), (at(0), {"sevenDay": 100})]
    assert format_table({"alice": points}, WINDOWS, frame(1)).split("\n") == [
        "Account    Time                5h    7d",
        "alice      2026-03-29 10:40    5%   40%",
        "alice      2026-03-29 11:00     –  100%",
    ]
    ascii_look = Terminal(80, colour=False, unicode=False)
    assert format_table({"ä": points}, WINDOWS, frame(1, ascii_look)).isascii()


def test_a_table_distinguishes_the_two_hours_that_the_clock_shows_alike() -> None:
    """At 3:00 the clock goes back to 2:00; rows stay in order of time."""
    began = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    span = Span(began, began + timedelta(hours=2))
    points = [
        (to_ms(began + timedelta(minutes=minutes)), {"fiveHour": 1}) for minutes in (0, 30, 60)
    ]
    shown = format_table({"alice": points}, ["fiveHour"], replace(frame(1), span=span)).split("\n")
    assert [row[11:33] for row in shown[1:]] == [
        "2026-10-25 02:30+02:00",
        "2026-10-25 02:00+01:00",
        "2026-10-25 02:30+01:00",
    ]


@pytest.mark.parametrize("hours", [0.1, 1, 5, 24, 7 * 24, 30 * 24, 365 * 24, 9 * 365 * 24])
def test_a_table_stays_readable_however_long_the_span(hours: float) -> None:
    count = 500
    points = [(at(hours * 60 * n / count), {"fiveHour": n % 100}) for n in range(count, -1, -1)]
    rows = format_table({"alice": points}, ["fiveHour"], frame(hours)).split("\n")[1:]
    assert 6 <= len(rows) <= 21
    assert rows == sorted(rows)


def test_each_row_begins_with_its_step_and_shows_its_highest_values() -> None:
    """A day is shown in steps of two hours; a peak between two of them is not lost."""
    points = [(at(10 * n), {"fiveHour": n % 100}) for n in range(144, -1, -1)]
    points[70] = (points[70][0], {"fiveHour": 100, "sevenDay": 3})
    rows = format_table({"alice": points}, WINDOWS, frame(24)).split("\n")[1:]
    assert [row.split()[2][3:] for row in rows[1:]] == ["00"] * 12
    assert [row.split()[3] for row in rows[4:8]] == ["99%", "90%", "100%", "66%"]
    assert [row.split()[4] for row in rows[5:8]] == ["–", "3%", "–"]


def test_columns_align_with_wide_letters_and_long_names() -> None:
    points = [(at(0), {"fiveHour": 5, "models.A model with a name": 40})]
    accounts = dict.fromkeys(("al", "数据 🎉", "한국어", "a label that goes on and on"), points)
    lines = format_table(accounts, ["fiveHour", "models.A model with a name"], frame(1)).split("\n")
    assert {width(line) for line in lines} == {width(lines[0])}
    assert width(lines[0]) <= 80
    assert {width(line[: line.index("2026")]) for line in lines[1:]} == {22}
