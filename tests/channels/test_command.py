"""Commands as channels: real processes that end well, fail, hang or fork."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from cldmon.channels.command import CommandChannel, to_json
from cldmon.domain.delivery import DeliveryResult, DeliveryStatus
from cldmon.domain.events import Event, EventKind
from cldmon.notifications.outbox import Delivery
from cldmon.store.state import Message, State
from tests.env import wait_until
from tests.fakes import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

DELIVERED, GONE, LATER = DeliveryStatus.DELIVERED, DeliveryStatus.GONE, DeliveryStatus.LATER
SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "command-event.schema.json"
ENV = {"PATH": "/usr/bin:/bin"}
HIT = Event(
    EventKind.LIMIT_HIT, "alice", "fiveHour", NOON, NOON + timedelta(minutes=90), utilization=100
)
KEY = "sk-ant-sid01-AAAA"


def channel(folder: Path, *command: str, **options: Any) -> CommandChannel:
    options = {"env": ENV, "now": lambda: NOON, **options}
    return CommandChannel(command, folder=folder, **options)


def run(folder: Path, script: str, **options: Any) -> DeliveryResult:
    return channel(folder, "/bin/sh", "-c", script, **options).send(None, [HIT])


def has_ended(pid_file: Path) -> Callable[[], bool]:
    stat = Path("/proc", pid_file.read_text().strip(), "stat")
    return lambda: not stat.exists() or " Z " in stat.read_text()


def test_a_command_gets_one_json_object_on_one_line(tmp_path: Path) -> None:
    assert run(tmp_path, "cat > got") == DeliveryResult(DELIVERED)
    text = (tmp_path / "got").read_text("ascii")
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    assert json.loads(text) == {
        "version": 1,
        "event": "limit_hit",
        "account": "alice",
        "window": "fiveHour",
        "title": "Current session",
        "utilization": 100,
        "threshold": None,
        "resetsAt": "2026-11-22T13:30:00.000Z",
        "at": "2026-11-22T12:00:00.000Z",
        "text": "alice's 5-hour limit has been reached (100%). Resets 2026-11-22 13:30 UTC.",
    }


@pytest.mark.parametrize("kind", EventKind)
def test_each_event_is_as_its_schema_says(kind: EventKind) -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    window = Event(kind, "zoë\n", "models.F\x1b\n\u2028", NOON, NOON, 80, (60, 80), days=21)
    account = Event(kind, "alice", None, NOON, reason="the session key has expired")
    for event in (window, account):
        text = to_json(event, NOON)
        assert text.isascii()
        assert text.count("\n") == 1
        jsonschema_rs.validate(schema, json.loads(text), validate_formats=True)
    assert set(schema["properties"]) == set(schema["required"]) == set(json.loads(text))
    assert schema["properties"]["event"]["enum"] == list(EventKind)


@pytest.mark.parametrize(
    ("script", "status", "reason", "halt"),
    [
        ("exit 0", DELIVERED, "", False),
        ("echo fine; echo great >&2; exit 0", DELIVERED, "", False),
        ("exit 1", GONE, "exit status 1", False),
        ("echo no; echo 'no route' >&2; echo; exit 2", GONE, "exit status 2: no route", False),
        ("exit 75", LATER, "exit status 75", True),
        ("echo busy; exit 75", LATER, "exit status 75: busy", True),
        ("kill -9 $$", GONE, "killed by signal 9", False),
        (
            r"printf '\033[2J\377\n\r'; exit 1",
            GONE,
            "exit status 1: [2J\N{REPLACEMENT CHARACTER}",
            False,
        ),
        (f"echo {KEY}; exit 1", GONE, "exit status 1: **********", False),
    ],
)
def test_the_exit_status_decides(
    tmp_path: Path, script: str, status: DeliveryStatus, reason: str, *, halt: bool
) -> None:
    assert run(tmp_path, script) == DeliveryResult(status, reason, halt)


@pytest.mark.parametrize("status", [0, 1])
def test_megabytes_of_output_fill_no_memory(tmp_path: Path, status: int) -> None:
    flood = f"head -c 200000000 /dev/zero | tr '\\0' x; exit {status}"
    tracemalloc.start()
    try:
        result = run(tmp_path, flood, timeout=timedelta(minutes=5))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.status is (GONE if status else DELIVERED)
    assert len(result.reason) < 300
    assert peak_bytes < 1_000_000


def test_a_command_that_hangs_is_killed_with_all_it_started(tmp_path: Path) -> None:
    """What it was to deliver is not repeated: it may have been."""
    script = "trap '' TERM; echo $$ > parent; sleep 600 & echo $! > child; wait"
    result = run(tmp_path, script, timeout=timedelta(seconds=0.5))
    assert result == DeliveryResult(GONE, "it did not end within 0.5 seconds", halt=True)
    wait_until(has_ended(tmp_path / "child"))
    assert has_ended(tmp_path / "parent")()


def test_a_command_ends_with_the_pass_that_runs_it_and_its_event_waits(tmp_path: Path) -> None:
    """Threads are not waited for when a pass is stopped: nobody else would end the command."""
    code = (
        "import atexit\n"
        "atexit.register(lambda: print(sending.result(30)))\n"  # runs after those of cldmon
        "from cldmon.threads import start_thread\n"
        "from tests.channels.test_command import Path, run, wait_until\n"
        "script = 'sleep 600 & echo $! > child; wait'\n"
        f"sending = start_thread(lambda: run(Path({str(tmp_path)!r}), script))\n"
        f"child = Path({str(tmp_path / 'child')!r})\n"
        "wait_until(lambda: child.exists() and child.read_text().strip())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    expected = DeliveryResult(LATER, "it was stopped with the pass", halt=True)
    assert (ran.stdout.strip(), ran.stderr) == (str(expected), "")
    wait_until(has_ended(tmp_path / "child"))


def test_a_command_that_closes_its_output_and_hangs_is_killed(tmp_path: Path) -> None:
    result = run(tmp_path, "exec >&- 2>&-; sleep 600", timeout=timedelta(seconds=0.5))
    assert result.status is GONE


def test_a_command_that_prints_without_end_is_killed(tmp_path: Path) -> None:
    assert run(tmp_path, "yes", timeout=timedelta(seconds=0.5)).status is GONE


def test_a_command_that_changes_its_group_is_killed_all_the_same(tmp_path: Path) -> None:
    code = "import os, time; os.setpgid(0, os.getpgid(os.getppid())); time.sleep(600)"
    hanging = channel(tmp_path, sys.executable, "-c", code, timeout=timedelta(seconds=1))
    assert hanging.send(None, [HIT]).status is GONE


@pytest.mark.parametrize("child", ["sleep 600", "yes"])
def test_a_child_that_holds_the_output_open_is_not_waited_for(tmp_path: Path, child: str) -> None:
    result = run(tmp_path, f"{child} & echo $! > child; exit 3", timeout=timedelta(minutes=5))
    assert result.status is GONE
    assert result.reason.startswith("exit status 3")
    wait_until(has_ended(tmp_path / "child"))


def test_a_child_that_leaves_the_group_blocks_nobody(tmp_path: Path) -> None:
    script = "setsid sh -c 'echo $$ > child; exec sleep 600' & until [ -s child ]; do :; done"
    assert run(tmp_path, script, timeout=timedelta(minutes=5)) == DeliveryResult(DELIVERED)
    assert not has_ended(tmp_path / "child")()
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


def test_a_command_need_not_read(tmp_path: Path) -> None:
    """Nor does a long event fill a pipe that nobody reads."""
    event = dataclasses.replace(HIT, label="x" * 200_000)
    assert channel(tmp_path, "true").send(None, [event]) == DeliveryResult(DELIVERED)


@pytest.mark.parametrize(
    ("name", "mode", "content", "reason"),
    [
        (None, 0, "", "./hook was not found, or the interpreter in its first line was not: fix"),
        ("hook", 0o755, "#!/no/such\n", "./hook was not found, or the interpreter in its first"),
        ("hook", 0o644, "#!/bin/sh\n", "./hook is not executable: run `chmod +x` on it"),
        ("hook", 0o755, "exit 0\n", "./hook is not a program: a script needs a first line such"),
        ("hook", 0o755, "#!/bin/sh\n", ""),
    ],
)
def test_events_wait_for_a_command_that_cannot_be_started(
    tmp_path: Path, name: str | None, mode: int, content: str, reason: str
) -> None:
    if name:
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    result = channel(tmp_path, "./hook").send(None, [HIT])
    assert result.status is (LATER if reason else DELIVERED)
    assert result.halt == bool(reason)
    assert result.reason.startswith(reason)


@pytest.mark.parametrize("command", ["\0", "x" * 5000, "."])
def test_nonsense_as_a_command_is_no_traceback(tmp_path: Path, command: str) -> None:
    result = channel(tmp_path, command).send(None, [HIT])
    assert (result.status, result.halt) == (LATER, True)
    assert len(result.reason) < 300


def test_arguments_reach_the_program_as_they_are(tmp_path: Path) -> None:
    """No shell expands them."""
    code = "import json, sys; json.dump(sys.argv[1:], open('got', 'w'))"
    words = ["$HOME", "a b", "*", "`id`", "; exit 1"]
    assert channel(tmp_path, sys.executable, "-c", code, *words).send(None, [HIT]).status is (
        DELIVERED
    )
    assert json.loads((tmp_path / "got").read_text()) == words


def test_the_environment_is_free_of_secrets(tmp_path: Path) -> None:
    secrets = {
        "ALICE_KEY": KEY,
        "SLACK_TOKEN": "xoxb-1-2",
        "CLDMON_API_TOKEN": "t0ken",
        "CREDENTIALS_DIRECTORY": "/run/credentials/cldmon.service",
        "https_proxy": "http://user:hunter2@proxy:3128",
    }
    env = {**ENV, **secrets, "HOME": "/home/me", "LANG": "C.UTF-8", "PAGER_TOPIC": "alerts"}
    assert run(tmp_path, "env > got; pwd > folder", env=env).status is DELIVERED
    got = dict(line.split("=", 1) for line in (tmp_path / "got").read_text().splitlines())
    assert got["HOME"] == "/home/me"
    assert got["PAGER_TOPIC"] == "alerts"
    assert not got.keys() & (secrets.keys() - {"https_proxy"})
    assert "hunter2" not in str(got)
    assert (tmp_path / "folder").read_text().strip() == str(tmp_path.resolve())


def test_arguments_that_the_program_quotes_are_masked(tmp_path: Path) -> None:
    url = "https://hooks.example.org/MARKER"
    quoting = channel(tmp_path, "sh", "-c", 'echo "$1: not found (404)"; exit 1', "sh", url)
    assert quoting.send(None, [HIT]).reason == "exit status 1: **********: not found (404)"


def test_neither_arguments_nor_environment_are_in_the_repr(tmp_path: Path) -> None:
    secretive = channel(tmp_path, "curl", "-HAuthorization: hunter2", env={"PW": "hunter2"})
    assert "hunter2" not in repr(secretive)
    assert "hunter2" not in secretive.send(None, [HIT]).reason


def test_all_runs_of_a_pass_end_within_30_seconds(tmp_path: Path) -> None:
    assert channel(tmp_path).time_limit + channel(tmp_path).timeout <= timedelta(seconds=30)
    assert channel(tmp_path).max_events == 1


@pytest.mark.parametrize(
    ("script", "runs", "left", "line"),
    [
        ("exit 1", 2, 0, "channel hook: exit status 1; dropped"),
        ("exit 75", 1, 2, "channel hook: exit status 75; will retry"),
        ("sleep 600", 1, 1, "channel hook: it did not end within 0.5 seconds; dropped"),
        (None, 0, 2, "channel hook: ./hook was not found, or the interpreter in its first line"),
    ],
)
def test_what_becomes_of_two_events_in_a_pass(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    script: str | None,
    runs: int,
    left: int,
    line: str,
) -> None:
    if script:
        (tmp_path / "hook").write_text(f"#!/bin/sh\necho >> runs\n{script}\n")
        (tmp_path / "hook").chmod(0o755)
    messages = (Message(HIT, "hook"), Message(dataclasses.replace(HIT, label="bob"), "hook"))
    hook = channel(tmp_path, "./hook", timeout=timedelta(seconds=0.5))
    state = Delivery(
        State(outbox=messages),
        {"hook": hook},
        is_wanted=lambda _: True,
        now=lambda: NOON,
        save=lambda _: None,
    ).run()
    assert len(state.outbox) == left
    ran = tmp_path / "runs"
    assert (len(ran.read_text().splitlines()) if ran.exists() else 0) == runs
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == max(runs, 1)
    assert all(each.startswith(line) for each in lines)
