"""The doctor on passes and on who starts them."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cldmon import files
from cldmon.doctor import passes
from cldmon.doctor.check import Verdict
from cldmon.domain.events import Event, EventKind
from cldmon.domain.model import Snapshot
from cldmon.store.state import Message, State
from tests.fakes import NOON

if TYPE_CHECKING:
    from tests.doctor.ward import Ward


@pytest.mark.parametrize(
    ("moved", "verdict", "words"),
    [
        (timedelta(minutes=9), Verdict.OK, "ended 9 min ago"),
        (timedelta(seconds=5), Verdict.OK, "ended 5 s ago"),
        (timedelta(hours=5), Verdict.FAILED, "ended 5 h ago, over 3 intervals"),
        (timedelta(days=4), Verdict.FAILED, "ended 4 d ago"),
        (-timedelta(days=1), Verdict.FAILED, "in the future"),
    ],
)
def test_a_last_pass_long_ago_or_in_the_future_is_a_cross(
    ward: Ward, moved: timedelta, verdict: Verdict, words: str
) -> None:
    ward.passed()
    ward.clock.advance(moved)
    [check] = passes.last_pass(ward.installation())
    assert (check.verdict, words in check.detail) == (verdict, True)


def test_before_the_first_pass_there_is_a_question_mark(ward: Ward) -> None:
    [check] = passes.last_pass(ward.installation())
    assert (check.verdict, check.remedy) == (Verdict.UNSURE, "run: cldmon fetch")


@pytest.mark.parametrize(
    ("age", "verdict"), [(timedelta(minutes=1), Verdict.OK), (timedelta(hours=1), Verdict.FAILED)]
)
def test_a_lock_that_is_held_too_long_is_a_cross_with_its_process(
    ward: Ward, age: timedelta, verdict: Verdict
) -> None:
    ward.passed()
    path = ward.data / "fetch.lock"
    with files.lock(path, wait=0):
        taken = (NOON - age).timestamp()
        os.utime(path, (taken, taken))
        [check] = passes.lock(ward.installation())
    assert check.verdict is verdict
    assert f"process {os.getpid()}" in check.detail
    assert [c.detail for c in passes.lock(ward.installation())] == ["no pass is running"]


@pytest.mark.parametrize(
    ("age", "verdict"),
    [(timedelta(minutes=1), Verdict.UNSURE), (timedelta(days=1), Verdict.FAILED)],
)
def test_messages_that_wait_are_told_and_stuck_ones_are_a_cross(
    ward: Ward, age: timedelta, verdict: Verdict
) -> None:
    hit = Event(EventKind.LIMIT_HIT, "alice", "fiveHour", NOON - age)
    ward.passed(State(Snapshot(fetched_at=NOON), outbox=(Message(hit, "U1"),)))
    [check] = passes.outbox(ward.installation())
    assert (check.verdict, "1 message(s) wait" in check.detail) == (verdict, True)


def test_messages_that_were_dropped_are_told(ward: Ward) -> None:
    ward.passed(State(Snapshot(fetched_at=NOON), counters={"messagesDropped": 5}))
    [check] = passes.outbox(ward.installation())
    assert (check.verdict, check.detail) == (Verdict.OK, "no message waits; 5 dropped so far")


def test_an_active_timer_is_enough(ward: Ward) -> None:
    """The system's manager has no such timer, the user's has."""
    ward.program("systemctl", '[ "$1" = --user ] && echo active || echo inactive')
    [check] = passes.timer(ward.installation())
    assert check.detail == "systemd: cldmon-fetch.timer (user) is active"


def test_a_failed_timer_is_a_cross(ward: Ward) -> None:
    ward.program("systemctl", '[ "$1" = --system ] && echo failed || exit 1')
    [check] = passes.timer(ward.installation())
    assert check.verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("*/10 * * * * /usr/local/bin/cldmon fetch", Verdict.OK),
        ("# */10 * * * * cldmon fetch", Verdict.UNSURE),
    ],
)
def test_a_line_of_the_crontab_is_enough_but_no_comment(
    ward: Ward, line: str, verdict: Verdict
) -> None:
    ward.program("crontab", f"echo '{line}'")
    [check] = passes.timer(ward.installation())
    assert check.verdict is verdict


def test_where_nothing_is_known_of_timers_there_is_a_question_mark(ward: Ward) -> None:
    ward.program("systemctl", "echo 'not booted with systemd' >&2; exit 1")
    [check] = passes.timer(ward.installation())
    assert (check.verdict, "cldmon schedule" in check.remedy) == (Verdict.UNSURE, True)


ANOTHER = Path("/etc/another/config.toml")


def test_the_timer_of_another_configuration_is_not_ours(ward: Ward) -> None:
    ward.schedule(config=ANOTHER)
    ward.program("systemctl", '[ "$1" = --user ] && echo active || echo inactive')
    ward.program("crontab", f"echo '* * * * * cldmon --config {ANOTHER} fetch'")
    [check] = passes.timer(ward.installation())
    assert check.verdict is Verdict.UNSURE
    assert check.detail == "cldmon-fetch.timer starts the passes of another configuration"
    assert "--name" in check.remedy


def test_a_named_instance_is_found_by_its_configuration(ward: Ward) -> None:
    ward.schedule(config=ANOTHER)
    ward.schedule(name="cldmon-team-fetch")
    ward.program("systemctl", 'case "$*" in *--user*team*) echo active ;; *) echo inactive ;; esac')
    [check] = passes.timer(ward.installation())
    assert (check.verdict, check.detail) == (
        Verdict.OK,
        "systemd: cldmon-team-fetch.timer (user) is active",
    )
