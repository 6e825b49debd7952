"""The history as a table for people and as CSV for programs."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain, groupby
from typing import TYPE_CHECKING

from cldmon.domain.instants import format_iso, from_ms
from cldmon.domain.windows import short_title
from cldmon.terminal.csv import format_csv_rows
from cldmon.terminal.times import format_timestamps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cldmon.domain.series import Point
    from cldmon.terminal.chart import Frame
    from cldmon.terminal.style import Terminal

HEADER = ("time", "label", "window", "utilization")
MAX_ROWS = 20
"""This many rows of an account fit on a screen, with header and prompt."""
_LONGEST_LABEL = 20
_LONGEST_TITLE = 12
"""Columns for a label and for a window's name, so that three windows fit into 80."""
_MINUTE = timedelta(minutes=1)
_MS = timedelta(milliseconds=1)
_HALF_MINUTE_MS = 30_000
_MINUTES = (1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2 * 1440, 7 * 1440, 28 * 1440)


def format_csv_lines(
    accounts: Mapping[str, Sequence[Point]], windows: Sequence[str], terminal: Terminal
) -> Iterator[str]:
    """Return a header and a row for each reading and window, without newlines.

    Account by account, oldest reading first; times are ISO 8601 in UTC.
    """
    names = {name: terminal.clean(name) for name in windows}
    rows = (
        (format_iso(from_ms(ms)), shown, names[name], values[name])
        for label, points in accounts.items()
        for shown in [terminal.clean(label)]
        for ms, values in points
        for name in windows
        if name in values
    )
    return format_csv_rows(chain([HEADER], rows))


def choose_step(length: timedelta) -> timedelta:
    """Return the time that a row of a table stands for, so that an account fits on a screen."""
    least = length / MAX_ROWS
    minutes = next((n for n in _MINUTES if n * _MINUTE >= least), least // _MINUTE + 1)
    return minutes * _MINUTE


def format_table(
    accounts: Mapping[str, Sequence[Point]], windows: Sequence[str], frame: Frame
) -> str:
    """Return a row for each account and time step: when it began, and the highest of each window.

    Times are in the reader's zone.
    """
    from tabulate import tabulate

    terminal = frame.terminal
    titles = (terminal.fit(short_title(name), _LONGEST_TITLE) for name in windows)
    step_ms = choose_step(frame.span.length) // _MS
    readings = []
    for label, points in accounts.items():
        shown = terminal.fit(label, _LONGEST_LABEL)
        # By the minute that is shown.
        for _, group in groupby(points, lambda point: (point[0] + _HALF_MINUTE_MS) // step_ms):
            stamps, values = zip(*group, strict=True)
            highest = {
                name: max(found)
                for name in windows
                if (found := [each[name] for each in values if name in each])
            }
            readings.append((shown, stamps[0], highest))
    times = format_timestamps((from_ms(ms) for _, ms, _ in readings), frame.zone)
    rows = [
        [label, time]
        + [f"{values[name]}%" if name in values else terminal.missing for name in windows]
        for (label, _, values), time in zip(readings, times, strict=True)
    ]
    aligned = ("left", "left", *("right" for _ in windows))
    return tabulate(
        rows,
        headers=["Account", "Time", *titles],
        tablefmt="plain",
        disable_numparse=True,
        colalign=aligned,
    )
