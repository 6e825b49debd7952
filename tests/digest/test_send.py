"""`digest --send`: to each channel that wants it, through the outbox, once."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cldmon.app.digest import send_digest
from cldmon.demo.server import Response, Route, json_response
from cldmon.domain.events import Event, EventKind
from cldmon.domain.ranges import Span
from cldmon.errors import BusyError, ConfigError
from cldmon.store.data_dir import pass_lock
from cldmon.store.state import Message, State, StateFile
from tests.simulation.server import FaultyServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.env import Env

TEAM = '[[notifications.channels]]\nname = "team"\nslack = "C01TEAM"\ndigest = true\n'
OTHER = '[[notifications.channels]]\nname = "other"\nslack = "C02OTHER"\n'
COMMAND = '[[notifications.channels]]\ncommand = ["./program"]\ndigest = true\naccounts = ["bob"]\n'
HOOK = '[[notifications.channels]]\nurl_env = "HOOK"\ndigest = true\n'
TITLE = "Usage from 15 Nov to 22 Nov"
LINES = [
    "bob: 0.2 h at a limit · 1 limit hit · 7d at most 100%, 100% at the end",
    "alice: 5h at most 60%, 60% at the end · 7d at most 40%, 40% at the end",
]


@pytest.fixture
def env(env: Env) -> Env:
    """Alice and bob, read for half an hour; bob's limit is hit."""
    env.labels = ["alice", "bob"]
    for n in range(4):
        at = env.clock() - timedelta(minutes=30 - 10 * n)
        bob = {"sevenDay": 100 if n >= 2 else 90}
        env.append_history(at, {"alice": {"fiveHour": 20 * n, "sevenDay": 40}, "bob": bob})
    return env


def add_program(env: Env, script: str) -> None:
    program = env.data / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def last_week(env: Env) -> Span:
    return Span(env.clock() - timedelta(days=7), env.clock())


def outbox(env: Env) -> list[tuple[str, str]]:
    return [(each["kind"], each["channel"]) for each in env.state["outbox"]]


@contextmanager
def serve_hook(*statuses: int) -> Iterator[FaultyServer]:
    """Answer requests with these statuses, then with 200."""
    left = iter(statuses)

    def answer(_request: Any) -> Response:
        status = next(left, 200)
        return replace(json_response({}), status=status)

    with FaultyServer((Route("hook", "/hook/?", answer),)) as server:
        yield server


def test_each_channel_that_wants_it_gets_it_in_its_own_way(env: Env) -> None:
    """With its own accounts only; the others get nothing."""
    add_program(env, "cat > got.json")
    env.write_config("", TEAM + OTHER + COMMAND + HOOK, slack=True)
    with serve_hook() as server:
        env.environ["HOOK"] = server.url.replace("http://", "json://") + "/hook/"
        assert send_digest(env.app, last_week(env)) == []
        [called] = server.requests
    [post] = env.slack.sent
    assert (post.channel, post.text.splitlines()) == ("C01TEAM", [TITLE, *LINES])
    hook = json.loads(called.body)
    assert (hook["title"], hook["message"].splitlines()) == (TITLE, LINES)
    got = json.loads((env.data / "got.json").read_text())
    assert (got["event"], got["account"], got["window"]) == ("digest", None, None)
    assert got["text"].splitlines() == [TITLE, LINES[0]]
    assert outbox(env) == []
    assert env.state["counters"] == {
        f"alertsSent.digest.{name}": 1 for name in ("team", "command", "apprise")
    }


def test_what_cannot_be_delivered_waits_for_the_next_pass(env: Env) -> None:
    """The pass sends it once, and changes nothing else."""
    add_program(env, "exit 75")
    env.set_up({"alice": None, "bob": None}, tables=COMMAND)
    env.clock.at = datetime.now(UTC)  # as it is for the pass
    assert send_digest(env.app, last_week(env)) == ["command"]
    assert outbox(env) == [("digest", "command")]
    waiting = env.state["outbox"][0]["text"]
    add_program(env, "cat >> got.jsonl")
    for _ in range(2):
        assert env.run("fetch").returncode == 0
    [line] = (env.data / "got.jsonl").read_text().splitlines()
    assert json.loads(line)["text"] == waiting
    assert outbox(env) == []


def test_the_same_digest_does_not_wait_twice(env: Env) -> None:
    add_program(env, "exit 75")
    env.write_config("", COMMAND)
    for _ in range(2):
        assert send_digest(env.app, last_week(env)) == ["command"]
    assert outbox(env) == [("digest", "command")]
    env.append_history(env.clock(), {"bob": {"sevenDay": 7}})
    send_digest(env.app, last_week(env))
    assert outbox(env) == [("digest", "command")] * 2


def test_a_digest_is_not_mixed_with_alerts(env: Env) -> None:
    """They wait in the outbox of the same channel."""
    env.write_config("", TEAM, slack=True)
    hit = Event(EventKind.LIMIT_HIT, "bob", "sevenDay", env.clock(), None, 100)
    StateFile(env.data).save(State(outbox=(Message(hit, "team"),), history_line=None))
    send_digest(env.app, last_week(env))
    texts = sorted(post.text for post in env.slack.sent)
    assert len(texts) == 2
    assert texts[0].startswith(TITLE)
    assert texts[1].startswith("bob's weekly limit has been reached")


def test_the_state_of_the_last_pass_stays_as_it_was(env: Env) -> None:
    add_program(env, "true")
    env.set_up({"alice": None, "bob": None}, tables=COMMAND)
    assert env.run("fetch").returncode == 0
    before = env.state
    send_digest(env.app, last_week(env))
    after = env.state
    assert after.pop("counters") == {"alertsSent.digest.command": 1}
    assert after == {key: value for key, value in before.items() if key != "counters"}


def test_a_channel_without_its_secret_waits_and_the_others_are_served(env: Env) -> None:
    """As in a service that is not given the credential."""
    add_program(env, "cat > got.json")
    env.write_config("", COMMAND + HOOK)
    assert send_digest(env.app, last_week(env)) == ["apprise"]
    assert (env.data / "got.json").exists()


def test_it_waits_for_a_pass_that_runs(env: Env) -> None:
    add_program(env, "cat > got.json")
    env.write_config("", COMMAND)
    with pass_lock(env.data):
        sending = threading.Thread(target=send_digest, args=(env.app, last_week(env)))
        sending.start()
        sending.join(0.3)
        assert sending.is_alive()
        assert not (env.data / "got.json").exists()
    sending.join()
    assert (env.data / "got.json").exists()


def test_a_pass_that_does_not_end_is_named(env: Env) -> None:
    env.write_config("", COMMAND)
    with pass_lock(env.data), pytest.raises(BusyError, match="another pass is running"):
        send_digest(env.app, last_week(env), patience=timedelta(0))


def test_without_a_channel_that_wants_it_nothing_is_sent(env: Env) -> None:
    env.write_config("", OTHER)
    with pytest.raises(ConfigError, match="add digest = true"):
        send_digest(env.app, last_week(env))
    assert not (env.data / "state.json").exists()


def test_the_command_says_what_waits(env: Env) -> None:
    add_program(env, "exit 75")
    env.write_config("", COMMAND)
    done = env.run("digest", "--send")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [
        "cldmon: channel command: exit status 75; will retry",
        "cldmon: the digest for command waits: the next pass sends it",
    ]
    add_program(env, "true")
    assert env.output("digest", "--send") == ""
