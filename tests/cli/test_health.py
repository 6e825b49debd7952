"""`cldmon health` and the watchdog of `cldmon fetch`, as cron and monitoring run them."""

from __future__ import annotations

import fcntl
import os
import re
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.demo.server import Response, Route
from cldmon.domain.model import Account, Failure, FailureKind, Reading, Window
from cldmon.domain.windows import FIVE_HOUR
from tests.env import key_of
from tests.simulation import faults
from tests.simulation.server import FaultyServer

if TYPE_CHECKING:
    from tests.env import Env

EXPIRED = Failure(FailureKind.KEY_EXPIRED, "session key expired")


@pytest.fixture
def env(env: Env) -> Env:
    return env.write_config(labels=["alice", "bob"])


def complete_pass(env: Env, bob: Failure | None = None, *, ago: timedelta = timedelta()) -> None:
    """Leave what a pass leaves that ended `ago`."""
    at = datetime.now(UTC) - ago
    reading = Reading(at, {FIVE_HOUR: Window(41, None)})
    env.save_snapshot(Account("alice", reading), Account("bob", reading, bob), at=at)


def read_log(env: Env) -> list[str]:
    return (env.data / "health.log").read_text(encoding="utf-8").splitlines()


def test_the_line_is_printed_and_appended_to_a_private_log(env: Env) -> None:
    complete_pass(env)
    first, second = env.run("health"), env.run("health")
    assert (first.returncode, first.stderr) == (0, "")
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
    assert re.fullmatch(
        rf"\[{stamp}Z\] OK:   2 account\(s\) reporting, 0 error\(s\),"
        rf" last fetched {stamp}\.\d{{3}}Z\n",
        first.stdout,
    )
    assert read_log(env) == [first.stdout.rstrip(), second.stdout.rstrip()]
    assert stat.S_IMODE((env.data / "health.log").stat().st_mode) == 0o600


def test_silence_fails(env: Env) -> None:
    complete_pass(env, ago=timedelta(hours=1))
    ran = env.run("health")
    assert (ran.returncode, "FAIL: no pass ended within 30 min" in ran.stdout) == (1, True)


def test_before_the_data_dir_is_there_the_line_is_printed_still(env: Env) -> None:
    ran = env.run("health")
    assert ran.returncode == 1
    assert ran.stdout.endswith("FAIL: no pass has ended yet — run `cldmon fetch`\n")
    assert "health.log" in ran.stderr
    assert not env.data.exists()


def test_a_log_that_cannot_be_written_does_not_change_the_verdict(env: Env) -> None:
    complete_pass(env)
    (env.data / "health.log").mkdir()
    ran = env.run("health")
    assert (ran.returncode, "OK:" in ran.stdout, "health.log" in ran.stderr) == (0, True, True)


@pytest.mark.parametrize("name", ["state.json", "subscriptions.json"])
def test_a_corrupt_file_fails_and_is_left_alone(env: Env, name: str) -> None:
    complete_pass(env)
    (env.data / name).write_text('{"torn')
    ran = env.run("health")
    assert (ran.returncode, f"{name} is not" in ran.stdout) == (1, True)
    assert (env.data / name).read_text() == '{"torn'


def test_a_history_that_cannot_be_read_fails(env: Env) -> None:
    complete_pass(env)
    (env.data / "history-2026-11-22.jsonl").symlink_to("nowhere")
    ran = env.run("health")
    assert (ran.returncode, "FAIL: cannot read" in ran.stdout) == (1, True)


def test_a_broken_configuration_is_a_failure_without_its_secrets(env: Env) -> None:
    env.config.write_text(f"accounts = '{key_of('alice')}'")
    ran = env.run("health")
    assert (ran.returncode, "FAIL: " in ran.stdout) == (1, True)
    assert ran.stdout.count("\n") == 1
    assert "MARKER" not in ran.stdout + ran.stderr


def test_the_configured_port_of_the_server_is_checked(env: Env) -> None:
    complete_pass(env)
    with FaultyServer((Route("", "/healthz", lambda _request: Response(200)),)) as server:
        env.write_config(f"port = {server.url.rpartition(':')[2]}")
        assert env.run("health", "--serve").returncode == 0
    ran = env.run("health", "--serve")
    assert ran.returncode == 1
    assert "does not answer: Connection refused" in ran.stdout


def test_monitoring_gets_its_line_and_exit_code(env: Env) -> None:
    complete_pass(env, bob=EXPIRED)
    ran = env.run("health", "--nagios")
    assert ran.returncode == 1
    assert ran.stdout.startswith("CLDMON WARNING - 1 account(s) reporting, 1 error(s), ")
    assert ran.stdout.endswith(
        " | 'alice 5h'=41%;75;90;0;100 'bob 5h'=U;75;90;0;100"
        " waiting=0;;;0 waited=0s;3600;;0 dropped=0c\n"
    )
    assert env.run("health", "--nagios", "--critical", "40").returncode == 2
    assert "WARN: 1 account(s) reporting" in read_log(env)[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--warning", "80"], "no effect without --nagios (see `cldmon health --help`)"),
        (["--warning", "75", "--critical", "90"], "--warning and --critical: no effect"),
    ],
)
def test_thresholds_without_effect_are_refused(env: Env, options: list[str], words: str) -> None:
    complete_pass(env)
    ran = env.run("health", *options)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert words in ran.stderr
    assert not (env.data / "health.log").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--warning", "95", "--critical", "90"], "--warning 95 is above --critical 90"),
        (["--warning", "95"], "--warning 95 is above --critical 90"),
        (["--warning", "much"], "'much' is not a valid integer"),
        (["--critcal", "90"], "--critcal"),
        (["now"], "now"),
    ],
)
def test_monitoring_takes_wrong_options_for_unknown_not_for_critical(
    env: Env, options: list[str], words: str
) -> None:
    complete_pass(env)
    ran = env.run("health", "--nagios", *options)
    assert (ran.returncode, ran.stderr) == (3, "")
    assert ran.stdout.startswith("CLDMON UNKNOWN - ")
    assert words in ran.stdout
    assert ran.stdout.count("\n") == 1
    assert not (env.data / "health.log").exists()


def test_nagios_gets_unknown_if_the_check_cannot_run(env: Env) -> None:
    env.config.unlink()
    ran = env.run("health", "--nagios")
    assert (ran.returncode, ran.stdout.startswith("CLDMON UNKNOWN - ")) == (3, True)
    assert ran.stderr == ""  # that it is not logged has the same reason


def test_no_name_steers_a_terminal_or_forges_a_line_of_the_log(env: Env) -> None:
    """Not even one that is no text at all."""
    complete_pass(env)
    folder = env.folder / os.fsdecode(b"\x1b]0;pwned\x07\nOK:\xff")
    env.data.rename(folder)
    (folder / "state.json").write_bytes(b"torn")
    for option in ([], ["--nagios"]):
        ran = env.run("--data-dir", str(folder), "health", *option)
        assert ran.stdout.count("\n") == 1
        assert ran.stdout.rstrip("\n").isprintable()
    log = (folder / "health.log").read_text(encoding="utf-8").splitlines()
    assert len(log) == 2
    assert all(line.isprintable() for line in log)


def test_a_failed_pass_is_reported_to_the_watchdog(env: Env) -> None:
    """No account can be read: there is no such browser."""
    with FaultyServer((Route("", ".*", lambda _request: Response(200)),)) as service:
        env.write_config(_watch(service, "/MARKER"))
        ran = env.run("fetch")
        assert [request.path for request in service.requests] == ["/MARKER/start", "/MARKER/fail"]
    assert ran.returncode == 1
    assert "MARKER" not in ran.stdout + ran.stderr


def test_a_pass_that_reads_one_of_two_accounts_is_a_success_for_the_watchdog(
    env: Env,
) -> None:
    """A real pass in a real browser."""
    with FaultyServer((Route("", ".*", lambda _request: Response(200)),)) as service:
        top = f'health.ping_url = "{service.url}/ping?rid=1"'
        env.set_up({"alice": faults.status(503).on("usage"), "bob": None}, top)
        ran = env.run("fetch")
        asked = [(request.path, request.query) for request in service.requests]
    assert asked == [("/ping/start", "rid=1"), ("/ping", "rid=1")]
    assert (ran.returncode, ran.stderr.count("HTTP 503")) == (0, 1)


def test_a_pass_that_finds_another_running_sends_no_ping(env: Env) -> None:
    env.data.mkdir(mode=0o700)
    with (
        FaultyServer((Route("", ".*", lambda _request: Response(200)),)) as service,
        (env.data / "fetch.lock").open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        env.write_config(_watch(service, "/ping"))
        assert env.run("fetch").returncode == 75
        assert service.requests == []


def _watch(service: FaultyServer, path: str) -> str:
    return f'browser.executable = "/nonexistent"\nhealth.ping_url = "{service.url}{path}"'
