"""When a reading was taken, which one is reported, and when."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from cldmon.reporter.readings import (
    MIN_PAUSE,
    REFRESH,
    Progress,
    Reading,
    add_status_line,
    correct_clock,
    get_due,
    set_target,
)
from tests.fakes import NOON
from tests.reporter.documents import make_line

if TYPE_CHECKING:
    from datetime import datetime

    from cldmon.reporter.status_line import StatusLine

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def see(*seen: tuple[int, StatusLine]) -> Progress:
    """Return the progress after status lines, each so many minutes after noon."""
    progress = Progress()
    for minutes, line in seen:
        progress = add_status_line(progress, line, NOON + minutes * MINUTE)
    return progress


def newest(progress: Progress) -> tuple[int, datetime]:
    """Return the percentage of the newest reading's first window, and when it was read."""
    assert progress.newest
    assert progress.newest.read_at
    return progress.newest.windows[0].utilization, progress.newest.read_at


def mark_sent(progress: Progress, at: datetime) -> Progress:
    return progress._replace(sent=progress.newest, sent_at=at, attempted_at=at, retry_at=None)


def test_a_reading_is_as_old_as_its_last_change() -> None:
    line = make_line(41)
    assert newest(see((0, line), (5, line), (60, line))) == (41, NOON)
    assert newest(see((0, line), (5, make_line(42)))) == (42, NOON + 5 * MINUTE)


def test_an_answer_of_the_service_confirms_the_numbers() -> None:
    progress = see((0, make_line(41, api_ms=1000)), (5, make_line(41, api_ms=1500)))
    assert newest(progress) == (41, NOON + 5 * MINUTE)


def test_a_reset_time_that_moves_a_little_is_no_change() -> None:
    assert newest(see((0, make_line(41)), (5, make_line(41, hours=2.01)))) == (41, NOON)


def test_a_window_that_has_reset_is_no_reading() -> None:
    """Claude Code leaves it out; the others are as old as before."""
    assert newest(see((0, make_line(41)), (5, make_line(None)))) == (41, NOON)


def test_an_idle_session_does_not_hide_a_newer_reading() -> None:
    old, new = make_line(5, session="idle"), make_line(41, session="busy")
    assert newest(see((0, old), (30, new), (31, old), (32, old))) == (41, NOON + 30 * MINUTE)


def test_a_session_seen_first_is_believed_only_if_it_shows_more() -> None:
    """It may have been idle for hours, or be `/clear`ed: then it shows the numbers from before."""
    known = (0, make_line(41))
    for line in (
        make_line(5, session="x"),
        make_line(41, session="x"),
        make_line(None, session="x"),
    ):
        assert newest(see(known, (30, line), (31, line))) == (41, NOON)
    assert newest(see(known, (30, make_line(42, session="x")))) == (42, NOON + 30 * MINUTE)
    again = see(known, (30, make_line(2, session="x", hours=7)))
    assert newest(again) == (2, NOON + 30 * MINUTE)


def test_a_session_that_was_not_believed_is_after_its_next_answer() -> None:
    progress = see(
        (0, make_line(41)),
        (30, make_line(5, session="x")),
        (31, make_line(5, session="x", api_ms=2000)),
    )
    assert newest(progress) == (5, NOON + 31 * MINUTE)


def test_nothing_is_due_without_a_reading() -> None:
    assert get_due(Progress(), NOON) is None
    assert get_due(see((0, make_line(None)._replace(windows=()))), NOON) is None


def test_a_change_is_due_a_minute_after_the_last_attempt() -> None:
    progress = mark_sent(see((0, make_line(41))), NOON)
    later = NOON + timedelta(seconds=20)
    assert get_due(add_status_line(progress, make_line(42), later), later) == NOON + MIN_PAUSE


def test_unchanged_numbers_are_due_after_ten_minutes() -> None:
    progress = mark_sent(see((0, make_line(41))), NOON)
    assert get_due(progress, NOON + MINUTE) == NOON + REFRESH
    assert get_due(progress, NOON + HOUR) == NOON + HOUR


def test_a_failed_attempt_is_repeated_when_the_server_says() -> None:
    progress = see((0, make_line(41)))._replace(attempted_at=NOON)
    assert get_due(progress, NOON) == NOON + MIN_PAUSE
    assert get_due(progress._replace(retry_at=NOON + HOUR), NOON) == NOON + HOUR


def test_another_server_gets_the_reading_at_once() -> None:
    progress = mark_sent(see((0, make_line(41))), NOON)
    assert set_target(progress, progress.to) is progress
    assert set_target(progress, "-") is progress
    assert get_due(set_target(progress, "https://other.example"), NOON) == NOON


def test_times_of_a_clock_that_was_ahead_delay_nothing() -> None:
    """Those noted before it was set back are taken for now."""
    future = NOON + HOUR
    progress = mark_sent(add_status_line(Progress(), make_line(41), future), future)
    corrected = correct_clock(progress._replace(retry_at=NOON + 5 * HOUR), NOON)
    assert newest(corrected) == (41, NOON)
    assert corrected.retry_at is None
    later = add_status_line(corrected, make_line(42), NOON)
    assert newest(later) == (42, NOON)
    assert get_due(later, NOON) == NOON + MIN_PAUSE


STEPS = st.lists(
    st.tuples(
        st.integers(0, 200),
        st.sampled_from(["a", "b"]),
        st.none() | st.integers(0, 100),
        st.integers(1, 3),
    ),
    max_size=40,
)


@given(STEPS)
def test_reports_are_a_minute_apart_and_never_go_back_in_time(
    steps: list[tuple[int, str, int | None, int]],
) -> None:
    """Whatever the sessions show, if each report that is due is sent at once."""
    progress, now = Progress(), NOON
    reports: list[tuple[datetime, Reading]] = []
    for seconds, session, five, api_ms in steps:
        now += timedelta(seconds=seconds)
        progress = add_status_line(progress, make_line(five, session=session, api_ms=api_ms), now)
        due = get_due(progress, now)
        if due is not None and due <= now:
            progress = mark_sent(progress, now)
            assert progress.newest
            reports.append((now, progress.newest))
    for (at, before), (next_at, after) in pairwise(reports):
        assert before.read_at
        assert after.read_at
        assert before.read_at <= after.read_at <= next_at
        assert next_at - at >= (REFRESH if before.windows == after.windows else MIN_PAUSE)


def test_only_the_last_sessions_are_remembered() -> None:
    progress = see(*((n, make_line(n % 100, session=str(n), hours=2 + n)) for n in range(200)))
    assert len(progress.sessions) == 50
    assert "199" in progress.sessions
