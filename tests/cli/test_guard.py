"""`cldmon guard`: the exit code that a script acts on."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.model import Account, Failure, FailureKind, Reading, Snapshot, Window
from cldmon.store.state import State, StateFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.env import Env

SOON = timedelta(minutes=90)


def save(
    env: Env,
    windows: Mapping[str, tuple[int, timedelta | None]],
    *,
    ago: timedelta = timedelta(minutes=5),
    failure: Failure | None = None,
) -> None:
    """Save a state in which alice's windows have these percentages and resets, from now on."""
    now = datetime.now(UTC)
    found = {
        name: Window(percent, None if left is None else now + left)
        for name, (percent, left) in windows.items()
    }
    account = Account("alice", Reading(now - ago, found), failure)
    env.data.mkdir(exist_ok=True)
    StateFile(env.data).save(State(Snapshot(now, (account,))))


@pytest.fixture
def alice(env: Env) -> Env:
    return env.set_up({"alice": None})


@pytest.mark.parametrize(
    ("windows", "options", "code", "said"),
    [
        ({"fiveHour": (41, SOON), "sevenDay": (63, SOON)}, [], 0, "weekly limit: 37% left"),
        ({"fiveHour": (99, SOON)}, [], 0, "5-hour limit: 1% left"),
        ({"fiveHour": (100, SOON), "sevenDay": (5, SOON)}, [], 1, "5-hour limit: 0% left, resets"),
        ({"fiveHour": (100, SOON), "sevenDay": (5, SOON)}, ["--window", "7d"], 0, "95% left"),
        ({"fiveHour": (85, SOON)}, ["--free", "20"], 1, "5-hour limit: 15% left, resets"),
        ({"fiveHour": (100, None)}, [], 1, "5-hour limit: 0% left"),
        ({"sevenDay": (5, SOON)}, ["--window", "5h"], 0, "the account has no such limit"),
        ({"models.Fable": (100, SOON)}, ["--window", "Fable"], 1, "weekly Fable limit: 0% left"),
        ({}, [], 69, "no limit has been read yet"),
        ({"fiveHour": (100, timedelta(seconds=-30))}, [], 69, "reset due"),
        (
            {"fiveHour": (100, timedelta(seconds=-30)), "sevenDay": (100, SOON)},
            [],
            1,
            "weekly limit: 0% left",
        ),
    ],
)
def test_the_exit_code_says_whether_enough_is_left(
    alice: Env,
    windows: Mapping[str, tuple[int, timedelta | None]],
    options: list[str],
    code: int,
    said: str,
) -> None:
    save(alice, windows)
    ran = alice.run("guard", "alice", *options)
    assert (ran.returncode, ran.stderr) == (code, "")
    assert ran.stdout.startswith("alice: ")
    assert said in ran.stdout
    assert ran.stdout.count("\n") == 1


def test_an_old_reading_gives_no_verdict(alice: Env) -> None:
    save(alice, {"fiveHour": (1, SOON)}, ago=timedelta(hours=2))
    assert alice.run("guard", "alice").returncode == 69
    assert alice.run("guard", "alice", "--max-age", "3h").returncode == 0


def test_an_account_in_error_gives_no_verdict(alice: Env) -> None:
    failure = Failure(FailureKind.KEY_EXPIRED, "the session key has expired")
    save(alice, {"fiveHour": (100, SOON)}, failure=failure)
    ran = alice.run("guard", "alice")
    assert (ran.returncode, ran.stdout) == (69, "alice: the session key has expired\n")


def test_before_the_first_pass_and_with_a_damaged_file_there_is_no_verdict(alice: Env) -> None:
    alice.data.mkdir(exist_ok=True)
    assert alice.run("guard", "alice").returncode == 69
    (alice.data / "state.json").write_text("{")
    ran = alice.run("guard", "alice")
    assert (ran.returncode, ran.stderr) == (69, "")


@pytest.mark.parametrize(
    "options",
    [
        ["bob"],
        ["alice", "--free", "0"],
        ["alice", "--max-age", "x"],
        ["alice", "--wait", "x"],
        ["alice", "--wait", "0"],
        [],
    ],
)
def test_wrong_usage_is_2(alice: Env, options: list[str]) -> None:
    save(alice, {"fiveHour": (1, SOON)})
    assert alice.run("guard", *options).returncode == 2


def test_an_unknown_window_is_wrong_usage(alice: Env) -> None:
    save(alice, {"fiveHour": (1, SOON)})
    assert alice.run("guard", "alice", "--window", "12h").returncode == 2


def test_a_wait_ends_when_enough_is_left(alice: Env) -> None:
    save(alice, {"fiveHour": (100, SOON)})

    def reset() -> None:
        time.sleep(1)
        save(alice, {"fiveHour": (0, SOON)})

    thread = threading.Thread(target=reset)
    thread.start()
    ran = alice.run("guard", "alice", "--wait", "1m")
    thread.join()
    assert ran.returncode == 0
