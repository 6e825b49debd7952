"""`cldmon guard`: the exit code that a script acts on."""

from __future__ import annotations

import os
import pty
import re
import time
from datetime import UTC, datetime, timedelta
from subprocess import PIPE
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.model import Account, Failure, FailureKind, Reading, Snapshot, Window
from cldmon.store.state import State, StateFile
from tests.env import wait_until

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
    now: datetime | None = None,
) -> None:
    """Save a state in which alice's windows have these percentages and resets, from now on."""
    now = now or datetime.now(UTC)
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
    save(alice, windows, now=alice.clock())
    ran = alice.invoke("guard", "alice", *options)
    assert (ran.exit_code, ran.stderr) == (code, "")
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


def test_a_wrong_span_is_refused_with_its_option(alice: Env) -> None:
    ran = alice.run("guard", "alice", "--wait", "2s")
    assert ran.stderr.startswith("cldmon: --wait: invalid range '2s'; use 1h,")


def test_an_unknown_window_is_wrong_usage(alice: Env) -> None:
    save(alice, {"fiveHour": (1, SOON)})
    assert alice.run("guard", "alice", "--window", "12h").returncode == 2


OTHERS = {"models.Fable": (7, None), "scoped.Claude Design": (100, SOON), "weeklyNew": (3, None)}


@pytest.mark.parametrize(
    ("window", "code", "said"),
    [
        ("fiveHour", 1, "5-hour limit: 0% left"),
        ("Current session", 1, "5-hour limit: 0% left"),
        ("7D", 0, "weekly limit: 95% left"),
        ("Weekly: all models", 0, "weekly limit: 95% left"),
        ("7d,Fable", 0, "weekly Fable limit: 93% left"),
        ("models.Fable", 0, "weekly Fable limit: 93% left"),
        ("7d Fable", 0, "weekly Fable limit: 93% left"),
        ("7d Claude Design", 1, "weekly Claude Design limit: 0% left"),
        ("scoped.Claude Design", 1, "weekly Claude Design limit: 0% left"),
        ("weekly new", 0, "97% left"),
        ("7d Opus", 0, "the account has no such limit"),
        ("all", 1, "0% left"),
    ],
)
def test_a_window_is_named_as_status_names_it(
    alice: Env, window: str, code: int, said: str
) -> None:
    save(alice, {"fiveHour": (100, SOON), "sevenDay": (5, SOON), **OTHERS}, now=alice.clock())
    ran = alice.invoke("guard", "alice", "--window", window)
    assert (ran.exit_code, said in ran.stdout) == (code, True)


def test_a_window_that_only_another_account_has_limits_nothing(env: Env) -> None:
    env.set_up({"alice": None, "bob": None})
    now = env.clock()
    readings = {
        "alice": {"sevenDay": Window(5, None)},
        "bob": {"models.Fable": Window(100, None)},
    }
    accounts = [Account(label, Reading(now, found)) for label, found in readings.items()]
    env.save_snapshot(*accounts, at=now)
    ran = env.invoke("guard", "alice", "--window", "Fable")
    assert (ran.exit_code, ran.stdout) == (0, "alice: the account has no such limit\n")


def test_without_a_reading_any_window_is_unknown(alice: Env) -> None:
    for _ in range(2):
        assert alice.invoke("guard", "alice", "--window", "Fable").exit_code == 69
        alice.save_snapshot(at=alice.clock())


def test_a_reset_that_is_overdue_counts_as_it_was_read(alice: Env) -> None:
    """The service still reports the old window."""
    late = timedelta(minutes=-30)
    for percent, code in ((100, 1), (99, 0)):
        save(alice, {"fiveHour": (percent, late)}, now=alice.clock())
        assert alice.invoke("guard", "alice").exit_code == code


def test_text_of_the_service_cannot_control_the_terminal(alice: Env) -> None:
    failure = Failure(FailureKind.REFUSED, "refused: \x1b[31m")
    save(alice, {}, failure=failure, now=alice.clock())
    assert alice.invoke("guard", "alice").stdout == "alice: refused: \ufffd[31m\n"


@pytest.mark.parametrize("percent", [100, 0])
def test_the_exit_code_does_not_depend_on_who_reads_the_line(alice: Env, percent: int) -> None:
    save(alice, {"fiveHour": (percent, SOON)})
    ours, theirs = os.pipe()
    os.close(ours)
    for stdout in (theirs, os.open("/dev/full", os.O_WRONLY)):
        ran = alice.run("guard", "alice", capture_output=False, stdout=stdout, stderr=PIPE)
        assert (ran.returncode, ran.stderr) == (int(percent == 100), "")
        os.close(stdout)


def test_a_broken_configuration_is_2(alice: Env) -> None:
    alice.config.write_text("accounts = 3")
    ran = alice.run("guard", "alice")
    assert (ran.returncode, ran.stdout) == (2, "")


def test_a_wait_ends_at_once_if_only_a_person_can_help(alice: Env) -> None:
    failure = Failure(FailureKind.KEY_EXPIRED, "the session key has expired")
    save(alice, {"fiveHour": (100, SOON)}, failure=failure)
    ran = alice.run("guard", "alice", "--wait")
    assert (ran.returncode, ran.stdout) == (69, "alice: the session key has expired\n")


def test_a_wait_outlasts_an_outage_and_a_damaged_file(alice: Env) -> None:
    (alice.data).mkdir()
    (alice.data / "state.json").write_text("{")
    with alice.start("guard", "alice", "--wait") as running:
        wait_until(lambda: "guard" in " ".join(alice.processes().values()))
        save(alice, {}, failure=Failure(FailureKind.SERVICE_DOWN, "the service is down"))
        time.sleep(1.2)
        save(alice, {"fiveHour": (7, SOON)})
        assert running.wait() == (0, "alice: 5-hour limit: 93% left\n", "")


def test_a_wait_ends_when_enough_is_left_and_says_on_a_terminal_until_when(alice: Env) -> None:
    save(alice, {"fiveHour": (100, SOON)})
    ours, theirs = pty.openpty()
    with alice.start("guard", "alice", "--wait", "1m", stderr=theirs) as running:
        os.close(theirs)
        shown = os.read(ours, 4096).decode()
        save(alice, {"fiveHour": (0, SOON)})
        assert running.wait()[0] == 0
    os.close(ours)
    assert re.search("5-hour limit: 0% left, resets .* in 1h 30m; waiting, until .* at most", shown)
