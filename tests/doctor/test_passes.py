"""The doctor on passes and on what starts them."""

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
from tests.doctor.env import KEY
from tests.fakes import NOON

if TYPE_CHECKING:
    from tests.doctor.env import DoctorEnv


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
def test_a_last_pass_long_ago_or_in_the_future_fails_its_check(
    env: DoctorEnv, moved: timedelta, verdict: Verdict, words: str
) -> None:
    env.complete_pass()
    env.clock.tick(moved)
    [check] = passes.check_last_pass(env.installation())
    assert (check.verdict, words in check.detail) == (verdict, True)


def test_before_the_first_pass_there_is_a_warning(env: DoctorEnv) -> None:
    [check] = passes.check_last_pass(env.installation())
    assert (check.verdict, check.remedy) == (Verdict.UNSURE, "run: cldmon fetch")


@pytest.mark.parametrize(
    ("age", "verdict"), [(timedelta(minutes=1), Verdict.OK), (timedelta(hours=1), Verdict.FAILED)]
)
def test_a_lock_held_too_long_fails_with_its_process(
    env: DoctorEnv, age: timedelta, verdict: Verdict
) -> None:
    env.complete_pass()
    path = env.data / "fetch.lock"
    with files.lock(path, wait=0):
        taken = (NOON - age).timestamp()
        os.utime(path, (taken, taken))
        [check] = passes.check_lock(env.installation())
    assert check.verdict is verdict
    assert f"process {os.getpid()}" in check.detail
    assert [c.detail for c in passes.check_lock(env.installation())] == ["no pass is running"]


@pytest.mark.parametrize(
    ("age", "verdict"),
    [(timedelta(minutes=1), Verdict.UNSURE), (timedelta(days=1), Verdict.FAILED)],
)
def test_waiting_messages_are_reported_and_stuck_ones_fail(
    env: DoctorEnv, age: timedelta, verdict: Verdict
) -> None:
    hit = Event(EventKind.LIMIT_HIT, "alice", "fiveHour", NOON - age)
    env.save_state(State(Snapshot(fetched_at=NOON), outbox=(Message(hit, "U1"),)))
    [check] = passes.check_outbox(env.installation())
    assert (check.verdict, "1 message(s) waiting" in check.detail) == (verdict, True)


def test_dropped_messages_are_reported(env: DoctorEnv) -> None:
    env.save_state(State(Snapshot(fetched_at=NOON), counters={"messagesDropped": 5}))
    [check] = passes.check_outbox(env.installation())
    assert (check.verdict, check.detail) == (Verdict.OK, "no messages waiting; 5 dropped so far")


def test_an_active_timer_is_enough(env: DoctorEnv) -> None:
    """Only the user's manager has such a timer."""
    env.add_program("systemctl", '[ "$1" = --user ] && echo active || echo inactive')
    [check] = passes.check_timer(env.installation())
    assert check.detail == "systemd: cldmon-fetch.timer (user) is active"


def test_systemctl_and_crontab_do_not_inherit_a_secret(env: DoctorEnv) -> None:
    env.environ["ALICE_KEY"] = KEY
    for name in ("systemctl", "crontab"):
        env.add_program(name, f'printf %s "${{ALICE_KEY-none}}" >"{env.folder}/{name}"')
    list(passes.check_timer(env.installation()))
    assert (env.folder / "systemctl").read_text() == "none"
    assert (env.folder / "crontab").read_text() == "none"


def test_a_failed_timer_fails_its_check(env: DoctorEnv) -> None:
    env.add_program("systemctl", '[ "$1" = --system ] && echo failed || exit 1')
    [check] = passes.check_timer(env.installation())
    assert check.verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("*/10 * * * * /usr/local/bin/cldmon fetch", Verdict.OK),
        ("# */10 * * * * cldmon fetch", Verdict.UNSURE),
    ],
)
def test_a_line_of_the_crontab_is_enough_but_no_comment(
    env: DoctorEnv, line: str, verdict: Verdict
) -> None:
    env.add_program("crontab", f"echo '{line}'")
    [check] = passes.check_timer(env.installation())
    assert check.verdict is verdict


def test_where_nothing_is_known_of_timers_there_is_a_warning(env: DoctorEnv) -> None:
    env.add_program("systemctl", "echo 'not booted with systemd' >&2; exit 1")
    [check] = passes.check_timer(env.installation())
    assert (check.verdict, "cldmon schedule" in check.remedy) == (Verdict.UNSURE, True)


ANOTHER = Path("/etc/another/config.toml")


def test_the_timer_of_another_configuration_is_not_ours(env: DoctorEnv) -> None:
    env.add_unit(config=ANOTHER)
    env.add_program("systemctl", '[ "$1" = --user ] && echo active || echo inactive')
    env.add_program("crontab", f"echo '* * * * * cldmon --config {ANOTHER} fetch'")
    [check] = passes.check_timer(env.installation())
    assert check.verdict is Verdict.UNSURE
    assert check.detail == "cldmon-fetch.timer runs passes for another configuration"
    assert "--name" in check.remedy


def test_a_named_instance_is_found_by_its_configuration(env: DoctorEnv) -> None:
    env.add_unit(config=ANOTHER)
    env.add_unit(name="cldmon-team-fetch")
    env.add_program(
        "systemctl", 'case "$*" in *--user*team*) echo active ;; *) echo inactive ;; esac'
    )
    [check] = passes.check_timer(env.installation())
    assert (check.verdict, check.detail) == (
        Verdict.OK,
        "systemd: cldmon-team-fetch.timer (user) is active",
    )
