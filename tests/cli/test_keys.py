"""Keys that are slow, stuck or missing: they cost their own account, and hold up nothing else."""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_fetch import SLACK
from tests.env import Env, key_of, wait_until
from tests.simulation.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


HANGS = "sleep 600"


@pytest.fixture
def env(env: Env) -> Env:
    """The accounts alice, whose key is set by `give`, and bob, who has one."""
    return env.set_up({"alice": None, "bob": None})


def give(env: Env, *lines: str, top: str = "", tables: str = "") -> None:
    """Let alice's key come from where `lines` say."""
    env.labels = ["bob"]
    alice = "\n".join(["[[accounts]]", 'label = "alice"', *lines])
    env.write_config(top, f"{tables}\n{alice}\n")


def asked(env: Env) -> set[str | None]:
    return {request.key for request in env.claude.requests}


def errors(env: Env) -> dict[str, str | None]:
    return {label: each.get("errorKind") for label, each in env.accounts.items()}


def test_while_one_key_is_looked_up_the_other_accounts_are_read(env: Env) -> None:
    """And that one after them, in the same pass and by the same browser."""
    program = env.folder / "slow-key"
    program.write_text(
        f"#!/bin/sh\nuntil [ -e '{env.folder}/go' ]; do sleep 0.1; done\necho {key_of('alice')}\n"
    )
    program.chmod(0o700)
    give(env, 'session_key_command = "./slow-key"')
    running = env.start("fetch", "--strict")
    wait_until(lambda: key_of("bob") in asked(env))
    wait_until(lambda: list((env.data / "browser").glob("*.json")))  # so bob's answer has come
    assert key_of("alice") not in asked(env)
    (env.folder / "go").touch()
    assert running.wait() == (0, "", "")
    assert errors(env) == {"alice": None, "bob": None}


def test_no_hanging_program_outlives_a_pass_that_is_interrupted(env: Env) -> None:
    more = [f'[[accounts]]\nlabel = "{n}"\nsession_key_command = "{HANGS}"\n' for n in range(3)]
    give(env, f'session_key_command = "{HANGS}"', tables="".join(more))
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
def test_an_error_that_nobody_foresaw_costs_that_account_alone(env: Env, debug: bool) -> None:
    give(env, 'session_key_command = "broken"')
    env.folder.joinpath("sitecustomize.py").write_text(BROKEN)
    env.environ["PYTHONPATH"] = str(env.folder)
    ran = env.run(*["--debug"][: int(debug)], "fetch")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "alice: an unexpected error: run `cldmon --debug fetch` and report" in ran.stderr
    assert errors(env) == {"alice": "unexpected", "bob": None}
    assert ("ZeroDivisionError: **********" in ran.stderr) == debug
    assert "MARKER" not in ran.stderr


def test_a_hanging_bot_token_holds_up_no_reading(env: Env) -> None:
    """Without a message that is due it is not even asked for."""
    slack = f'[notifications.slack]\nenabled = true\nbot_token_command = "{HANGS}"\n'
    env.write_config(tables=slack)
    assert env.run("fetch", "--strict").returncode == 0
    with FakeSlack() as reached:
        env.write_config(f'slack_url = "{reached.url}"', slack)
        env.data.joinpath("subscriptions.json").write_text(
            json.dumps({"users": {"U1": {"accounts": {"bob": {"limitHit": True}}}}})
        )
        for percent in (99, 100):
            env.claude.set_usage(key_of("bob"), full(percent))
            ran = env.run("fetch", "--strict")
        assert ran.returncode == 0
        assert "bot_token_command did not end within 10 seconds" in ran.stderr
        assert len(env.state["outbox"]) == 1


def test_slack_without_a_token_keeps_nobody_from_being_read(env: Env) -> None:
    env.write_config(tables="[notifications.slack]\nenabled = true\n")
    ran = env.run("fetch", "--strict")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr.startswith(f"cldmon: {env.config}: notifications.slack.enabled: Slack is on")
    assert ran.stderr.count("\n") == 1
    assert errors(env) == {"alice": None, "bob": None}


def full(percent: int) -> dict[str, object]:
    return {"five_hour": {"utilization": percent, "resets_at": None}}


def plant_socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        here = os.open(place.parent, os.O_RDONLY)
        sock.bind(f"/proc/self/fd/{here}/{place.name}")  # by a short path: a name has 107 bytes
        os.close(here)


PLANTS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "terminal": lambda place: place.symlink_to("/dev/ptmx"),
    "endless": lambda place: place.symlink_to("/dev/zero"),
    "socket": plant_socket,
    "folder": lambda place: place.mkdir(),
}


@pytest.fixture(params=PLANTS)
def planted(env: Env, request: pytest.FixtureRequest) -> Path:
    """Something that is no file, where a file is to be."""
    place = env.folder / "no-file"
    PLANTS[request.param](place)
    return place


def test_a_key_file_that_is_no_file_fails_alone(env: Env, planted: Path) -> None:
    give(env, f'session_key_file = "{planted}"')
    ran = env.run("fetch")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr.startswith(f'cldmon: alice: account "alice": session_key_file {planted} can')
    assert errors(env) == {"alice": "key_missing", "bob": None}


def test_a_bot_token_file_that_is_no_file_stops_neither_passes_nor_the_server(
    env: Env, planted: Path
) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    slack = SLACK.replace("bot_token", "bot_token_file").split("bot_token_file")[0]
    env.write_config(f"port = {port}", f'{slack}bot_token_file = "{planted}"\n')
    assert env.run("fetch", "--strict").returncode == 0
    server = env.start("serve")
    wait_until(lambda: env.run("health", "--serve").returncode == 0)
    server.send_signal(signal.SIGTERM)
    server.wait()


@pytest.mark.parametrize("command", ["fetch", "status", "serve", "doctor"])
def test_a_configuration_that_is_no_file_is_said(env: Env, planted: Path, command: str) -> None:
    ran = env.run("--config", str(planted), command)
    assert ran.returncode in (1, 2)
    assert str(planted) in ran.stderr + ran.stdout


def test_an_import_of_what_is_no_file_ends(env: Env, planted: Path) -> None:
    node, goal = env.folder / "node", env.folder / "goal"
    node.mkdir()
    planted.rename(node / "config.json")
    ran = env.run("import", str(node), "--to", str(goal / "config.toml"))
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
def test_an_account_without_a_key_fails_alone(env: Env, lines: tuple[str, ...], words: str) -> None:
    """As one does whose key is missing where the configuration says that it is."""
    give(env, *lines)
    ran = env.run("fetch")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert errors(env) == {"alice": "key_missing", "bob": None}
