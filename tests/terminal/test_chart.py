"""Charts show all readings, and nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cldmon.domain.events import Event, EventKind
from cldmon.domain.instants import to_ms
from cldmon.domain.ranges import Span
from cldmon.domain.series import find_limit_changes
from cldmon.terminal.chart import Frame, draw_charts
from cldmon.terminal.style import Terminal, width

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cldmon.domain.series import Point

NOW = datetime(2026, 3, 29, 9, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
TEN_MINUTES = timedelta(minutes=10)
BOTH = ["fiveHour", "sevenDay"]
SGR = re.compile(r"\x1b\[[0-9;]*m")


def frame(
    hours: float = 5,
    columns: int = 80,
    rows: int = 24,
    *,
    colour: bool = False,
    unicode: bool = True,
) -> Frame:
    span = Span(NOW - timedelta(hours=hours), NOW)
    return Frame(span, TEN_MINUTES, Terminal(columns, colour, unicode), rows, BERLIN)


def readings(hours: float, *percents: int, **others: int) -> list[tuple[int, dict[str, int]]]:
    """One every ten minutes up to now, with the session's percentages and constant others."""
    first = NOW - (len(percents) - 1) * TEN_MINUTES
    assert first >= NOW - timedelta(hours=hours)
    return [
        (to_ms(first + n * TEN_MINUTES), {"fiveHour": percent, **others})
        for n, percent in enumerate(percents)
    ]


def session() -> list[tuple[int, dict[str, int]]]:
    """Five hours: usage hits the limit, stays there, is reset, and rises again after a gap."""
    percents = [*range(40, 100, 6), *[100] * 5, *range(0, 45, 3)]
    points = readings(5, *percents, sevenDay=63)
    return [*points[:20], *points[26:]]


def draw(accounts: Mapping[str, Sequence[Point]], windows: Sequence[str], frame: Frame) -> str:
    """The panels, with the hits and resets that the readings show."""
    return draw_charts(accounts, windows, frame, [*find_limit_changes([accounts])])


def plot_of(text: str) -> list[str]:
    """The canvas without labels: from the 100 % line to the 0 % line."""
    lines = text.split("\n")
    top = next(n for n, line in enumerate(lines) if line.startswith("100%"))
    bottom = next(n for n, line in enumerate(lines) if line.startswith("  0%"))
    return [line[5:] for line in lines[top : bottom + 1]]


@pytest.mark.parametrize("name", ["unicode", "ascii"])
def test_a_session_looks_like_this(name: str, golden: Callable[[str, str], None]) -> None:
    """With a limit hit, a reset and a gap, across the clock change of 29 March 2026."""
    text = draw({"alice": session()}, BOTH, frame(12, unicode=name == "unicode"))
    golden(f"history-chart-{name}.txt", text + "\n")


def test_a_chart_fits_its_terminal_and_leaves_a_line_for_the_prompt() -> None:
    for columns, rows in ((80, 24), (60, 20), (120, 50), (200, 50)):
        lines = draw({"alice": session()}, BOTH, frame(5, columns, rows)).split("\n")
        assert len(lines) <= rows - 1
        assert max(map(width, lines)) <= columns


def test_each_account_has_a_panel_and_wide_terminals_show_two_side_by_side() -> None:
    accounts = {label: session() for label in ("alice", "bob", "cläre 🦊", "日本語")}
    narrow = draw(accounts, BOTH, frame())
    assert narrow.count("100%┤") == 4
    assert len(narrow.split("\n\n")) == 4
    wide = draw(accounts, BOTH, frame(5, 200, 50)).split("\n")
    assert sum(line.count("100%┤") == 2 for line in wide) == 2
    second = [width(line[: line.rindex("100%┤")]) for line in wide if line.count("100%┤") == 2]
    heads = [
        width(line[: line.index(name)]) for line in wide for name in ("bob", "日本") if name in line
    ]
    assert set(second) == set(heads) == {101}


def test_the_legend_names_each_window_with_its_range() -> None:
    head = draw({"alice": session()}, BOTH, frame()).split("\n")[0]
    assert head == "alice   ⠤⠤ 5h 0–100%   •• 7d 63%   ▲ limit hit   ▼ reset"
    head = draw({"alice": readings(1, 1, 2, 3)}, ["fiveHour"], frame()).split("\n")[0]
    assert head == "alice   ⠤⠤ 5h 1–3%"


def test_the_legend_names_the_windows_that_an_account_has_but_the_chart_has_not() -> None:
    accounts = {"alice": session(), "bob": [(ms, {"sevenDay": 5}) for ms, _ in session()]}
    heads = draw_charts(accounts, ["sevenDay"], frame(), left_out=["fiveHour"]).split("\n\n")
    assert heads[0].split("\n")[0] == "alice   ⠤⠤ 7d 63%   without 5h"
    assert heads[1].split("\n")[0] == "bob   ⠤⠤ 7d 5%"


def test_a_long_legend_takes_more_lines_and_covers_nothing() -> None:
    models = {f"models.A model called {n}": 10 * n for n in range(1, 6)}
    points = [(ms, {**windows, **models}) for ms, windows in session()]
    lines = draw({"alice": points}, [*BOTH, *models], frame()).split("\n")
    assert max(map(width, lines)) <= 80
    assert len(lines) <= 23
    assert all(any(name.removeprefix("models.") in line for line in lines[:4]) for name in models)


def test_limit_hits_are_marked_at_the_top_and_resets_at_the_bottom() -> None:
    canvas = plot_of(draw({"alice": session()}, BOTH, frame()))
    assert canvas[0].count("▲") == 1
    assert canvas[-1].count("▼") == 1
    assert canvas[0].index("▲") < canvas[-1].index("▼")
    assert not any(mark in line for line in canvas[1:-1] for mark in "▲▼")


def test_marks_of_other_accounts_and_windows_are_left_out() -> None:
    at = NOW - timedelta(hours=1)
    events = [
        Event(EventKind.LIMIT_HIT, "bob", "fiveHour", at),
        Event(EventKind.LIMIT_HIT, "alice", "models.Fable", at),
        Event(EventKind.RUN_OUT, "alice", "fiveHour", at),
        Event(EventKind.USAGE_RESET, "alice", "sevenDay", at),
    ]
    text = draw_charts({"alice": readings(5, 1, 2, 3)}, BOTH, frame(), events)
    assert (text.count("▲"), text.count("▼")) == (0, 2)  # in the legend, too


def test_there_is_no_line_where_readings_are_missing() -> None:
    points = readings(5, *[50] * 30)
    whole = "".join(plot_of(draw({"a": points}, ["fiveHour"], frame())))
    cut = plot_of(draw({"a": [*points[:10], *points[14:]]}, ["fiveHour"], frame()))
    middle = next(line for line in cut if "⠒" in line or "⠤" in line or "⣀" in line or "⠉" in line)
    assert re.search(r"\S {6,}\S", middle)
    assert not re.search(r"[⠀-⣿] +[⠀-⣿]", whole.strip())


def test_a_single_reading_is_a_dot() -> None:
    canvas = plot_of(draw({"a": readings(5, 50)}, ["fiveHour"], frame()))
    assert sum(not c.isspace() for c in "".join(canvas)) == 1


def test_the_time_axis_is_the_reader_s_clock_across_its_change() -> None:
    """In Berlin 01:59 was followed by 03:00 that night."""
    axis = draw({"alice": session()}, BOTH, frame(10)).split("\n")[-1]
    assert re.split(" {2,}", axis.strip()) == ["29 Mar", "04:00", "06:00", "08:00", "10:00"]


def test_without_colour_there_are_no_escape_codes_and_with_it_the_text_is_the_same() -> None:
    plain = draw({"alice": session()}, BOTH, frame())
    coloured = draw({"alice": session()}, BOTH, frame(colour=True))
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    stripped = SGR.sub("", coloured)
    assert [line.rstrip() for line in stripped.split("\n")] == plain.split("\n")
    assert "\x1b[4" not in coloured.replace("\x1b[4m", "")  # no background is painted


def test_without_unicode_a_chart_is_ascii() -> None:
    accounts = {"alice": session(), "cläre 🦊": session()}
    points = [(ms, {**w, "models.Fäble": 5}) for ms, w in session()]
    text = draw({**accounts, "x": points}, [*BOTH, "models.Fäble"], frame(unicode=False))
    assert text.isascii()
    assert "^ limit hit" in text


def test_a_label_cannot_steer_the_terminal() -> None:
    text = draw({"a\x1b[31mb\nc": session()}, BOTH, frame())
    assert "\x1b" not in text
    assert len(text.split("\n")) <= 23


@given(
    st.lists(
        st.tuples(
            st.integers(0, 7 * 86_400_000),
            st.dictionaries(st.sampled_from([*BOTH, "models.Fable"]), st.integers(0, 100)),
        ),
        max_size=60,
        unique_by=lambda point: point[0],
    ),
    st.floats(0.02, 24 * 400),
    st.integers(40, 250),
    st.integers(1, 100),
    st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_any_history_in_any_terminal_makes_a_chart(
    points: list[tuple[int, dict[str, int]]],
    hours: float,
    columns: int,
    rows: int,
    unicode: bool,
) -> None:
    now = to_ms(NOW)
    shifted = sorted((now - ms, windows) for ms, windows in points)
    inside = [p for p in shifted if p[0] >= now - hours * 3_600_000]
    accounts = {"alice": inside, "bob": inside[:1]}
    text = draw(accounts, [*BOTH, "models.Fable"], frame(hours, columns, rows, unicode=unicode))
    assert max(map(width, text.split("\n"))) <= columns


def test_eight_windows_have_eight_different_samples() -> None:
    names = [*BOTH, *(f"models.{n}" for n in range(6))]
    points = [(ms, dict.fromkeys(names, 5)) for ms, _ in readings(1, 1, 2, 3)]
    for unicode in (True, False):
        head = draw({"a": points}, names, frame(unicode=unicode)).split("100%")[0]
        samples = re.findall(r"(\S\S) (?:5h|7d)", head)
        assert len(set(samples)) == 8, head
