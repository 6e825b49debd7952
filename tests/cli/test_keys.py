"""A key that is slow, stuck or missing affects only its own account."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.env import Env, key_of, wait_until

if TYPE_CHECKING:
    from pathlib import Path


HANGS = "sleep 600"


@pytest.fixture
def env(env: Env) -> Env:
    """The accounts alice, whose key is set by `set_key`, and bob, who has one."""
    return env.set_up({"alice": None, "bob": None})


def set_key(env: Env, *lines: str, top: str = "", tables: str = "") -> None:
    """Configure where alice's key comes from."""
    env.labels = ["bob"]
    alice = "\n".join(["[[accounts]]", 'label = "alice"', *lines])
    env.write_config(top, f"{tables}\n{alice}\n")


def read_keys(env: Env) -> set[str | None]:
    return {request.key for request in env.claude.requests}


def errors(env: Env) -> dict[str, str | None]:
    return {label: each.get("errorKind") for label, each in env.accounts.items()}


def test_other_accounts_are_read_while_a_key_command_runs(env: Env) -> None:
    """Its account is read after them, in the same pass and with the same browser."""
    program = env.folder / "slow-key"
    program.write_text(
        f"#!/bin/sh\nuntil [ -e '{env.folder}/go' ]; do sleep 0.1; done\necho {key_of('alice')}\n"
    )
    program.chmod(0o700)
    set_key(env, 'session_key_command = "./slow-key"')
    running = env.start("fetch", "--strict")
    wait_until(lambda: key_of("bob") in read_keys(env))
    wait_until(lambda: list((env.data / "browser").glob("*.json")))  # bob has been read
    assert key_of("alice") not in read_keys(env)
    (env.folder / "go").touch()
    assert running.wait() == (0, "", "")
    assert errors(env) == {"alice": None, "bob": None}


def test_an_interrupted_pass_ends_its_key_commands(env: Env) -> None:
    more = [f'[[accounts]]\nlabel = "{n}"\nsession_key_command = "{HANGS}"\n' for n in range(3)]
    set_key(env, f'session_key_command = "{HANGS}"', tables="".join(more))
    running = env.start("fetch")
    wait_until(lambda: list((env.data / "browser").glob("*.json")))
    assert [*env.processes().values()].count(f"{HANGS} ") == 4
    running.send_signal(signal.SIGINT)
    returned, out, err = running.wait()
    assert (returned, out, err.strip()) == (130, "", "")
    assert env.leftovers() == []


BROKEN = f"""
import subprocess

start = subprocess.Popen.__init__

def broken(self, argv, *others, **options):
    if argv[0] == "broken":
        raise ZeroDivisionError("{key_of("alice")}")
    start(self, argv, *others, **options)

subprocess.Popen.__init__ = broken
"""


@pytest.mark.parametrize("debug", [False, True])
def test_an_unexpected_error_fails_only_its_account(env: Env, debug: bool) -> None:
    set_key(env, 'session_key_command = "broken"')
    env.folder.joinpath("sitecustomize.py").write_text(BROKEN)
    env.environ["PYTHONPATH"] = str(env.folder)
    ran = env.run(*["--debug"][: int(debug)], "fetch")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "alice: an unexpected error: run `cldmon --debug fetch` and report" in ran.stderr
    assert errors(env) == {"alice": "unexpected", "bob": None}
    assert ("ZeroDivisionError: **********" in ran.stderr) == debug
    assert "MARKER" not in ran.stderr


def test_a_bot_token_is_read_only_to_send_a_message(env: Env) -> None:
    """So a program that hangs delays no reading; tests/config/test_secrets.py ends it in time."""
    slack = '[notifications.slack]\nenabled = true\nbot_token_command = "{}"\n'
    env.write_config(tables=slack.format(HANGS))
    assert env.run("fetch", "--strict").returncode == 0
    subscriptions = {"users": {"U1": {"accounts": {"bob": {"limitHit": True}}}}}
    (env.data / "subscriptions.json").write_text(json.dumps(subscriptions))
    env.claude.set_usage(key_of("bob"), {"five_hour": {"utilization": 100, "resets_at": None}})
    env.write_config(tables=slack.format("false"))
    ran = env.run("fetch", "--strict")
    assert ran.returncode == 0
    assert "bot_token_command failed" in ran.stderr
    assert len(env.state["outbox"]) == 1


def test_slack_without_a_token_does_not_stop_readings(env: Env) -> None:
    env.write_config(tables="[notifications.slack]\nenabled = true\n")
    ran = env.run("fetch", "--strict")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr.startswith(
        f"cldmon: {env.config}:5: notifications.slack.enabled: Slack is on"
    )
    assert ran.stderr.count("\n") == 1
    assert errors(env) == {"alice": None, "bob": None}


@pytest.fixture
def pipe(env: Env) -> Path:
    """A named pipe where a file should be. Other kinds of files: see tests/test_files.py."""
    path = env.folder / "pipe"
    os.mkfifo(path)
    return path


def test_a_key_file_that_is_a_pipe_fails_only_its_account(env: Env, pipe: Path) -> None:
    set_key(env, f'session_key_file = "{pipe}"')
    ran = env.run("fetch")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr.startswith(f'cldmon: alice: account "alice": session_key_file {pipe} can')
    assert errors(env) == {"alice": "key_missing", "bob": None}


def test_a_bot_token_file_that_is_a_pipe_stops_neither_passes_nor_the_server(
    env: Env, pipe: Path
) -> None:
    slack = f'[notifications.slack]\nenabled = true\nbot_token_file = "{pipe}"\n'
    env.write_config(f"port = {env.server_port}", slack)
    assert env.run("fetch", "--strict").returncode == 0
    with env.serve():
        assert env.run("health", "--serve").returncode == 0


@pytest.mark.parametrize("command", ["fetch", "status", "serve", "doctor"])
def test_a_configuration_that_is_a_pipe_is_refused(env: Env, pipe: Path, command: str) -> None:
    ran = env.run("--config", str(pipe), command)
    assert ran.returncode in (1, 2)
    assert str(pipe) in ran.stderr + ran.stdout


def test_importing_a_pipe_is_refused(env: Env, pipe: Path) -> None:
    node = env.folder / "node"
    node.mkdir()
    pipe.rename(node / "config.json")
    ran = env.run("import", str(node), "--to", str(env.folder / "goal" / "config.toml"))
    assert ran.returncode in (1, 2)
    assert "config.json" in ran.stderr


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "credential alice does not exist; set session_key in the configuration"),
        (('session_key = "sk-ant-sid01-REPLACE-ME"',), "is still the placeholder; put the accou"),
        (('session_key = "nonsense"',), "is not a session key: one starts with sk-ant-sid01-"),
    ],
    ids=["none", "placeholder", "malformed"],
)
def test_an_account_without_a_valid_key_fails_alone(
    env: Env, lines: tuple[str, ...], words: str
) -> None:
    set_key(env, *lines)
    ran = env.run("fetch")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert errors(env) == {"alice": "key_missing", "bob": None}
