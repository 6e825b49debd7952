"""Keys that are slow, stuck or missing: they cost their own account, and hold up nothing else."""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from cldmon.demo.slack import FakeSlack
from tests.cli.test_fetch import SLACK
from tests.home import Home, key_of, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cldmon.demo.claude import FakeClaude

HANGS = "sleep 600"


@pytest.fixture
def home(tmp_path: Path, fake_claude: FakeClaude) -> Home:
    """A home with the accounts alice, whose key is set by `give`, and bob, whose key is there."""
    return Home(tmp_path / "home", fake_claude).settle({"alice": None, "bob": None})


def give(home: Home, *lines: str, top: str = "", tables: str = "") -> None:
    """Let alice's key come from where `lines` say."""
    home.labels = ["bob"]
    alice = "\n".join(["[[accounts]]", 'label = "alice"', *lines])
    home.configure(top, f"{tables}\n{alice}\n")


def asked(home: Home) -> set[str | None]:
    return {request.key for request in home.claude.requests}


def errors(home: Home) -> dict[str, str | None]:
    return {label: each.get("errorKind") for label, each in home.accounts.items()}


def test_while_one_key_is_looked_up_the_other_accounts_are_read(home: Home) -> None:
    """And that one after them, in the same pass and by the same browser."""
    program = home.folder / "slow-key"
    program.write_text(
        f"#!/bin/sh\nuntil [ -e '{home.folder}/go' ]; do sleep 0.1; done\necho {key_of('alice')}\n"
    )
    program.chmod(0o700)
    give(home, 'session_key_command = "./slow-key"')
    running = home.start("fetch", "--strict")
    wait_until(lambda: key_of("bob") in asked(home))
    wait_until(lambda: list((home.data / "browser").glob("*.json")))  # so bob's answer has come
    assert key_of("alice") not in asked(home)
    (home.folder / "go").touch()
    assert running.end() == (0, "", "")
    assert errors(home) == {"alice": None, "bob": None}


def test_no_hanging_program_outlives_a_pass_that_is_interrupted(home: Home) -> None:
    more = [f'[[accounts]]\nlabel = "{n}"\nsession_key_command = "{HANGS}"\n' for n in range(3)]
    give(home, f'session_key_command = "{HANGS}"', tables="".join(more))
    running = home.start("fetch")
    wait_until(lambda: list((home.data / "browser").glob("*.json")))
    assert [*home.processes().values()].count(f"{HANGS} ") == 4
    running.send_signal(signal.SIGINT)
    returned, out, err = running.end()
    assert (returned, out, err.strip()) == (130, "", "")
    assert home.left_behind() == []


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
def test_an_error_that_nobody_foresaw_costs_that_account_alone(home: Home, debug: bool) -> None:
    give(home, 'session_key_command = "broken"')
    home.folder.joinpath("sitecustomize.py").write_text(BROKEN)
    home.env["PYTHONPATH"] = str(home.folder)
    ran = home.run(*["--debug"][: int(debug)], "fetch")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "alice: an unexpected error: run `cldmon --debug fetch` and report" in ran.stderr
    assert errors(home) == {"alice": "unexpected", "bob": None}
    assert ("ZeroDivisionError: **********" in ran.stderr) == debug
    assert "MARKER" not in ran.stderr


def test_a_hanging_bot_token_holds_up_no_reading(home: Home) -> None:
    """Without a message that is due it is not even asked for."""
    slack = f'[notifications.slack]\nenabled = true\nbot_token_command = "{HANGS}"\n'
    home.configure(tables=slack)
    assert home.run("fetch", "--strict").returncode == 0
    with FakeSlack() as reached:
        home.configure(f'slack_url = "{reached.url}"', slack)
        home.data.joinpath("subscriptions.json").write_text(
            json.dumps({"users": {"U1": {"accounts": {"bob": {"limitHit": True}}}}})
        )
        for percent in (99, 100):
            home.claude.set_usage(key_of("bob"), full(percent))
            ran = home.run("fetch", "--strict")
        assert ran.returncode == 0
        assert "bot_token_command did not end within 10 seconds" in ran.stderr
        assert len(home.state["outbox"]) == 1


def test_slack_without_a_token_keeps_nobody_from_being_read(home: Home) -> None:
    home.configure(tables="[notifications.slack]\nenabled = true\n")
    ran = home.run("fetch", "--strict")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr.startswith(f"cldmon: {home.config}: notifications.slack.enabled: Slack is on")
    assert ran.stderr.count("\n") == 1
    assert errors(home) == {"alice": None, "bob": None}


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
def planted(home: Home, request: pytest.FixtureRequest) -> Path:
    """Something that is no file, where a file is to be."""
    place = home.folder / "no-file"
    PLANTS[request.param](place)
    return place


def test_a_key_file_that_is_no_file_fails_alone(home: Home, planted: Path) -> None:
    give(home, f'session_key_file = "{planted}"')
    ran = home.run("fetch")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr.startswith(f'cldmon: alice: account "alice": session_key_file {planted} can')
    assert errors(home) == {"alice": "key_missing", "bob": None}


def test_a_bot_token_file_that_is_no_file_stops_neither_passes_nor_the_server(
    home: Home, planted: Path
) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    slack = SLACK.replace("bot_token", "bot_token_file").split("bot_token_file")[0]
    home.configure(f"port = {port}", f'{slack}bot_token_file = "{planted}"\n')
    assert home.run("fetch", "--strict").returncode == 0
    server = home.start("serve")
    wait_until(lambda: home.run("health", "--serve").returncode == 0)
    server.send_signal(signal.SIGTERM)
    server.end()


@pytest.mark.parametrize("command", ["fetch", "status", "serve", "doctor"])
def test_a_configuration_that_is_no_file_is_said(home: Home, planted: Path, command: str) -> None:
    ran = home.run("--config", str(planted), command)
    assert ran.returncode in (1, 2)
    assert str(planted) in ran.stderr + ran.stdout


def test_an_import_of_what_is_no_file_ends(home: Home, planted: Path) -> None:
    node, goal = home.folder / "node", home.folder / "goal"
    node.mkdir()
    planted.rename(node / "config.json")
    ran = home.run("import", str(node), "--to", str(goal / "config.toml"))
    assert ran.returncode in (1, 2)
    assert "config.json" in ran.stderr


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "credential alice is not there; set session_key in the configuration"),
        (('session_key = "sk-ant-sid01-REPLACE-ME"',), "is still the placeholder; put the accou"),
        (('session_key = "nonsense"',), "is not a session key: one starts with sk-ant-sid01-"),
    ],
    ids=["none", "placeholder", "malformed"],
)
def test_an_account_without_a_key_fails_alone(
    home: Home, lines: tuple[str, ...], words: str
) -> None:
    """As one does whose key is missing where the configuration says that it is."""
    give(home, *lines)
    ran = home.run("fetch")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert errors(home) == {"alice": "key_missing", "bob": None}
