"""`cldmon status`, as it is run in a shell."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.model import Account, Failure, FailureKind
from tests.cli.accounts import LINE, MINUTE, account
from tests.env import CLDMON

if TYPE_CHECKING:
    from tests.env import Env


@pytest.fixture
def env(env: Env) -> Env:
    return env.write_config(labels=["alice", "bob"])


def test_a_table_of_all_accounts_or_of_some(env: Env) -> None:
    env.save_snapshot(account("alice", 41), account("bob", 7))
    text = env.output("status")
    assert "alice · Pro · read 1 min ago" in text
    assert re.search(r"5h +█+░+ +41% +\d\d:\d\d +in 1h 30m|5h .*41% .*in 1h 30m", text)
    assert "alice" not in env.output("status", "--account", "bob")


def test_accounts_are_sorted_and_selected_in_every_format(env: Env) -> None:
    failure = Failure(FailureKind.KEY_EXPIRED, "session key expired")
    env.write_config(labels=["carol", "bob", "alice"])
    env.save_snapshot(account("alice", 41), account("bob", 100), Account("carol", None, failure))
    assert env.output("status", *LINE, "--sort", "name") == (
        "1/3 at a limit · 1/3 in error · alice 5h 41% 7d 63% · bob 5h 100%!! (1h30m) 7d 63%"
        " · carol ✗\n"
    )
    body = json.loads(env.output("status", "--json", "--only", "errors", "--only", "limited"))
    assert [each["label"] for each in body["accounts"]] == ["carol", "bob"]
    table = env.output("status", "--sort", "use", "--only", "limited")
    assert table.startswith(
        "1 of 3 at a limit · bob resets in 1h 30m · carol: session key expired\n\n"
    )
    assert ("bob · Pro" in table, "carol · " in table, "alice" in table) == (True, False, False)
    rows = env.output("status", "--format", "compact", "--sort", "use").splitlines()[2:]
    assert [row.split()[0] for row in rows] == ["Account", "bob", "alice", "carol"]


def test_times_are_in_the_zone_of_the_reader(env: Env) -> None:
    env.save_snapshot(account("alice", 41))
    resets = datetime.now(UTC) + 90 * MINUTE
    near = {f"{resets + timedelta(hours=9, minutes=m):%H:%M}" for m in (-1, 0, 1)}
    assert any(
        clock in env.output("status", "--account", "alice", environ={"TZ": "Asia/Tokyo"})
        for clock in near
    )


def test_nothing_was_read_yet(env: Env) -> None:
    """Reported on stderr; the exit code is 0 so that a status bar keeps working."""
    for arguments in ((), LINE):
        done = env.run("status", *arguments)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == "cldmon: no readings yet; run `cldmon fetch`\n"
    body = json.loads(env.run("status", "--json").stdout)
    assert (body["accounts"], body["loading"]) == ([], True)


def test_no_account_is_configured(env: Env) -> None:
    env.write_config(labels=[])
    done = env.run("status")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no account is configured" in done.stderr


def test_the_configuration_says_which_accounts_there_are(env: Env) -> None:
    env.save_snapshot(account("gone", 5), account("alice", 41))
    text = env.output("status")
    assert "bob · not read yet" in text
    assert "gone" not in text
    assert env.output("status", *LINE) == "alice 5h 41% 7d 63% · bob –\n"


def test_the_interval_of_the_configuration_decides_what_is_stale(env: Env) -> None:
    env.save_snapshot(account("alice", 41, ago=20 * MINUTE))
    assert "?" not in env.output("status", "--account", "alice", *LINE)
    env.write_config("fetch_interval_minutes = 5", labels=["alice"])
    assert env.output("status", *LINE) == "alice 5h 41%? 7d 63%?\n"


@pytest.mark.parametrize("form", ["table", "line"])
def test_an_unknown_account_is_refused(env: Env, form: str) -> None:
    env.save_snapshot(account("alice", 41))
    done = env.run("status", "--account", "carol", "--format", form)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "cldmon: no account 'carol' in the config; it has: alice, bob\n"


@pytest.mark.parametrize("form", ["table", "line"])
def test_a_damaged_state_is_one_line(env: Env, form: str) -> None:
    env.data.mkdir(mode=0o700)
    (env.data / "state.json").write_text('{"version": 1, "snapshot": {"accounts": 3}}')
    done = env.run("status", "--format", form)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"cldmon: \S+/state\.json .*; the next pass sets it aside\n", done.stderr)


@pytest.mark.parametrize("form", ["table", "line"])
def test_a_broken_configuration_is_one_line(env: Env, form: str) -> None:
    env.config.write_text("accounts = 3")
    done = env.run("status", "--format", form)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_json_has_all_accounts_or_some(env: Env) -> None:
    env.save_snapshot(account("alice", 41), account("bob", 7))
    for arguments in (("--json",), ("--format", "json"), ("--json", "--account", "bob")):
        body = json.loads(env.output("status", *arguments))
        expected = ["bob"] if "bob" in arguments else ["alice", "bob"]
        assert [entry["label"] for entry in body["accounts"]] == expected


def test_a_pipe_gets_no_escape_codes_unless_it_asks_for_them(env: Env) -> None:
    env.save_snapshot(account("alice", 95))
    assert "\x1b" not in env.output("status")
    assert "\x1b[31" in env.output("status", environ={"FORCE_COLOR": "1"})
    assert "\x1b" not in env.output("status", environ={"FORCE_COLOR": "1", "NO_COLOR": "1"})


@pytest.mark.parametrize("form", ["table", "line"])
@pytest.mark.parametrize("environ", [{"LANG": "C"}, {"PYTHONIOENCODING": "latin-1"}])
def test_without_utf_8_the_output_is_ascii(env: Env, form: str, environ: dict[str, str]) -> None:
    env.write_config(labels=["数据", "é"])
    failure = Failure(FailureKind.TIMEOUT, "no answer – in time")
    env.save_snapshot(account("数据", 41), Account("é", None, failure))
    assert env.output("status", "--format", form, environ=environ).isascii()


@pytest.mark.parametrize("arguments", [(), LINE])
def test_a_closed_pipe_is_not_an_error(env: Env, arguments: tuple[str, ...]) -> None:
    env.save_snapshot(account("alice", 41))
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [CLDMON, "status", *arguments],
        env=env.environ,
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(theirs)
    assert done.stderr == b""
