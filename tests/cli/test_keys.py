"""A key that is slow, stuck or missing affects only its own account."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.env import Env, key_of, wait_until
from tests.reports.report import report, set_up_reported

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


def test_an_unexpected_error_fails_only_its_account(env: Env) -> None:
    set_key(env, 'session_key_command = "broken"')
    env.folder.joinpath("sitecustomize.py").write_text(BROKEN)
    env.environ["PYTHONPATH"] = str(env.folder)
    ran = env.run("fetch")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "alice: an unexpected error: run `cldmon --debug fetch` and report" in ran.stderr
    assert errors(env) == {"alice": "unexpected", "bob": None}
    assert "ZeroDivisionError: **********" not in ran.stderr
    debug = env.run("--debug", "fetch", "--account", "alice")
    assert "ZeroDivisionError: **********" in debug.stderr
    assert "MARKER" not in ran.stderr + debug.stderr


def test_a_bot_token_is_read_only_to_send_a_message(env: Env) -> None:
    """So a program that hangs delays no reading; tests/config/test_secrets.py ends it in time."""
    slack = '[notifications.slack]\nenabled = true\nbot_token_command = "{}"\n'
    set_up_reported(env, tables=slack.format(HANGS))
    report(env, 41)
    assert env.run("fetch", "--strict").returncode == 0
    subscriptions = {"users": {"U1": {"accounts": {"alice": {"limitHit": True}}}}}
    (env.data / "subscriptions.json").write_text(json.dumps(subscriptions))
    report(env, 100)
    set_up_reported(env, tables=slack.format("false"))
    ran = env.run("fetch", "--strict")
    assert ran.returncode == 0
    assert "bot_token_command failed" in ran.stderr
    assert len(env.state["outbox"]) == 1


def test_slack_without_a_token_does_not_stop_readings(env: Env) -> None:
    set_up_reported(env, tables="[notifications.slack]\nenabled = true\n")
    report(env, 41)
    ran = env.run("fetch", "--strict")
    assert (ran.returncode, ran.stdout) == (0, "")
    line = env.config.read_text().splitlines().index("enabled = true") + 1
    assert ran.stderr.startswith(
        f"cldmon: {env.config}:{line}: notifications.slack.enabled: Slack is on"
    )
    assert ran.stderr.count("\n") == 1
    assert errors(env) == {"alice": None}


@pytest.fixture
def pipe(env: Env) -> Path:
    """A named pipe where a file should be. Other kinds of files: see tests/test_files.py."""
    path = env.folder / "pipe"
    os.mkfifo(path)
    return path


def test_a_bot_token_file_that_is_a_pipe_stops_neither_passes_nor_the_server(
    env: Env, pipe: Path
) -> None:
    slack = f'[notifications.slack]\nenabled = true\nbot_token_file = "{pipe}"\n'
    set_up_reported(env, f"port = {env.server_port}", slack)
    report(env, 41)
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


def test_accounts_without_a_valid_key_fail_alone(env: Env, pipe: Path) -> None:
    """Each with its reason; see tests/config/test_secrets.py for all of them."""
    invalid = {
        "none": ("", "credential none does not exist; set session_key in the configuration"),
        "pipe": (f'session_key_file = "{pipe}"', f"session_key_file {pipe} cannot be read"),
        "placeholder": (
            'session_key = "sk-ant-sid01-REPLACE-ME"',
            "is still the placeholder; put the account's session key there",
        ),
        "malformed": (
            'session_key = "nonsense"',
            "is not a session key: one starts with sk-ant-sid01-",
        ),
    }
    tables = [f'[[accounts]]\nlabel = "{name}"\n{key}\n' for name, (key, _) in invalid.items()]
    env.write_config(tables="".join(tables), labels=["bob"])
    ran = env.run("fetch")
    assert (ran.returncode, ran.stdout) == (0, "")
    lines = ran.stderr.splitlines()
    assert len(lines) == len(invalid)
    for line, (name, (_, reason)) in zip(lines, invalid.items(), strict=True):
        assert line.startswith(f'cldmon: {name}: account "{name}": ')
        assert reason in line
    assert errors(env) == {"bob": None, **dict.fromkeys(invalid, "key_missing")}
