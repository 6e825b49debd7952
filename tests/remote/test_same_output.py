"""`--server` prints the same bytes as the command does on the server's machine."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.events import Event, EventKind
from cldmon.domain.model import REPORT, Account, Failure, FailureKind, Snapshot, Window
from cldmon.store.history import History, format_event_line, get_day_path
from cldmon.store.state import State
from tests.remote.served import ask, serve, write_config
from tests.terminal.readings import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    FRANK,
    GRACE,
    HEIDI,
    HOUR,
    MINUTE,
    NOW,
    reading,
)

if TYPE_CHECKING:
    from tests.env import Env

WAITING = Failure(FailureKind.RATE_LIMITED, "rate limited by the service", NOW + HOUR, 2)
ODD = Account(
    'odd "\\ ,{"timestamp":1,"accounts":[]} 数据',
    reading(
        MINUTE,
        "Max",
        None,
        **{
            "scoped.Claude Design": Window(99, NOW + HOUR),
            "scoped.Opus 5 · Cowork": Window(5, None),
            "weeklyNew · All": Window(76, NOW + 50 * HOUR),
        },
    ),
)
BY_REPORT = replace(reading(MINUTE, "Max", fiveHour=Window(41, NOW + HOUR)), source=REPORT)
REPORTED = Account("reported", BY_REPORT, reports_only=True)
STATES = {
    "ok": (ALICE,),
    "full": (DAVE, ALICE),
    "reset due": (replace(CAROL, reading=reading(2 * HOUR, "Pro", fiveHour=Window(100, NOW))),),
    "reset overdue": (FRANK, ALICE),
    "stale": (CAROL,),
    "error": (BOB, ALICE),
    "error without a reading": (ERIN,),
    "recovering": (replace(ALICE, failure=WAITING), DAVE),
    "no session window, credits, pools and saved resets": (HEIDI,),
    "not read yet": (GRACE, ALICE),
    "scoped and unknown windows": (ODD,),
    "reports": (REPORTED, replace(REPORTED, label="heard", failure=WAITING)),
    "no report yet": (Account("silent", None, reports_only=True), ALICE),
    "all of them": (ALICE, BOB, CAROL, DAVE, ERIN, FRANK, GRACE, HEIDI, ODD),
}
STATUS = (
    "status",
    "status --json",
    "status --format csv",
    "status --format line",
    "status --format compact --sort reset",
    "status --sort use --only limited --only errors",
    "status --json --sort name --only errors",
)
HISTORY = (
    "history",
    "history --range 2d",
    "history --range 7d --window 5h",
    "history --json",
    "history --json --range 3d",
    "history --json --account alice --window Fable",
    "history --format csv --range 30d",
    "history --format table --range 2d",
    "history --events --range 2d",
    "history --events --range 12h --json",
    "history --events --range 2d --format csv --account alice",
    "history --since 2026-11-21T09:30:00Z --until 2026-11-21T18:00:00Z --json",
    "history --since 2020-01-01 --until 2020-01-02",
)


@pytest.fixture
def env(env: Env) -> Env:
    env.clock.at = NOW
    return env


def compare(env: Env, *commands: str, code: int = 0) -> None:
    """Check that commands print and exit the same on both machines."""
    with serve(env) as url:
        for words in commands:
            local, remote = env.invoke(*words.split()), ask(env, url, words)
            assert (remote.exit_code, remote.stderr) == (local.exit_code, local.stderr), words
            assert remote.stdout_bytes == local.stdout_bytes, words
            assert local.exit_code == code, words


def append_history(env: Env, hours: int) -> None:
    """Append a reading every ten minutes, up to the last pass."""
    for n in range(6 * hours, 0, -1):
        used = (100, 3 * n % 97)[n % 40 > 4]
        alice = {"fiveHour": used, "sevenDay": 70 - n % 60, "models.Fable": 60 - n % 55}
        odd = {"scoped.Claude Design": n % 90}
        env.append_history(
            NOW - n * 10 * MINUTE, {"alice": alice, ODD.label: odd} if n % 3 else {"alice": alice}
        )


@pytest.mark.parametrize("state", STATES)
def test_status_prints_the_same(env: Env, state: str) -> None:
    accounts = STATES[state]
    write_config(env, *(each.label for each in accounts))
    env.save_state(State(Snapshot(NOW - 4 * MINUTE, accounts)))
    append_history(env, 6)
    compare(env, *STATUS)


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("full", 1), ("stale", 69), ("error", 69)])
def test_guard_prints_the_same(env: Env, state: str, code: int) -> None:
    account = replace(STATES[state][0], label="alice")
    write_config(env, "alice")
    env.save_state(State(Snapshot(NOW - 4 * MINUTE, (account,))))
    compare(env, "guard alice", code=code)


def test_status_of_one_account_prints_the_same(env: Env) -> None:
    write_config(env, "alice", "bob")
    env.save_state(State(Snapshot(NOW - 4 * MINUTE, (ALICE, BOB))))
    compare(env, *(f"{words} --account bob" for words in STATUS))


def test_status_before_the_first_pass_prints_the_same(env: Env) -> None:
    write_config(env, "alice")
    compare(env, *STATUS)


def test_the_interval_of_the_server_counts(env: Env) -> None:
    write_config(env, "alice", more="fetch_interval_minutes = 1")
    env.save_state(State(Snapshot(NOW - 4 * MINUTE, (ALICE,))))
    compare(env, *STATUS)


def test_history_prints_the_same(env: Env) -> None:
    write_config(env, "alice", ODD.label)
    env.save_state(State(Snapshot(NOW - 4 * MINUTE, (ALICE, ODD))))
    append_history(env, 80)
    day = get_day_path(env.data, (NOW - timedelta(days=1)).date())
    with day.open("ab") as file:  # torn and foreign lines
        file.write(b'{"timestamp":17\n{"accounts":[]}\nhello\n\n')
    packed = get_day_path(env.data, (NOW - timedelta(days=2)).date())
    packed.with_name(f"{packed.name}.gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    hit = Event(EventKind.LIMIT_HIT, "alice", "fiveHour", NOW - 30 * HOUR, None, 100)
    failed = Event(EventKind.ACCOUNT_FAILED, ODD.label, None, NOW - 31 * HOUR)
    for event in (hit, failed):
        History(env.data, "events").ensure(format_event_line(event, event.at))
    compare(env, *HISTORY)
