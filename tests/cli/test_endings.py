"""A pass that is interrupted or loses its browser ends quickly, cleanly and with a message."""

from __future__ import annotations

import contextlib
import re
import resource
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click.core
import pytest

from tests.env import Env, key_of, wait_until
from tests.reliability.kernel import Step
from tests.simulation import faults

if TYPE_CHECKING:
    from tests.env import Running

DRIVER = "run-driver"
BROWSER = "--remote-debugging-pipe"
PAGE = "--type=renderer"


def start_pass(env: Env, **options: Any) -> Running:
    """Start a pass; return when alice was read and bob and carol wait for answers."""
    silent = faults.hang(60)
    tables = "[browser]\ntimeout_seconds = 50"
    env.set_up({"alice": None, "bob": silent, "carol": silent}, tables=tables)
    running = env.start("fetch", **options)
    wait_until(
        lambda: (
            {each.key for each in env.claude.requests} >= {key_of(label) for label in env.labels}
        )
    )
    wait_until(lambda: list((env.data / "browser").glob("*.json")))
    return running


@pytest.mark.parametrize(
    ("number", "group", "code"),
    [(signal.SIGINT, True, 130), (signal.SIGTERM, False, 143)],
    ids=["ctrl-c", "kill"],
)
def test_an_interrupted_pass_leaves_nothing_behind(
    env: Env, number: int, group: bool, code: int
) -> None:
    running = start_pass(env)
    (running.signal_group if group else running.send_signal)(number)
    returned, out, err = running.wait()
    assert (returned, out, err.strip()) == (code, "", "")
    assert env.leftovers() == []
    assert not (env.data / "state.json").exists()
    assert env.history == []


def test_ctrl_c_during_start_up_is_silent(env: Env) -> None:
    loading = Step("newfstatat", 1, "loads click", (click.core.__file__,))
    ran = env.run("--version", under=loading.interrupted())
    assert (ran.returncode, ran.stdout, ran.stderr) == (-signal.SIGINT, "", "")


CTRL_C_IN_A_CLASS = """
import dataclasses, os, signal

named = dataclasses.Field.__set_name__

def interrupted(field, owner, name):
    if owner.__module__ == "cldmon.claude.errors":
        os.kill(os.getpid(), signal.SIGINT)
    named(field, owner, name)

dataclasses.Field.__set_name__ = interrupted
"""


def test_ctrl_c_while_a_class_is_created_is_silent(env: Env) -> None:
    """Python 3.11 turns it into a RuntimeError."""
    env.set_up({"alice": None})
    (env.folder / "sitecustomize.py").write_text(CTRL_C_IN_A_CLASS)
    ran = env.run("fetch", environ={"PYTHONPATH": str(env.folder)})
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


def test_a_pass_in_the_background_ends_only_by_sigterm(env: Env) -> None:
    """A shell ignores SIGINT for background jobs, and nohup ignores SIGHUP."""
    running = start_pass(env, preexec_fn=ignore_terminal)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        running.signal_group(number)
    returned, out, err = running.wait()
    assert (returned, out, err.strip()) == (143, "", "")
    assert env.leftovers() == []


def ignore_terminal() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def test_sigterm_to_every_process_ends_a_pass(env: Env) -> None:
    running = start_pass(env)
    running.signal_all(signal.SIGTERM)
    returned, out, err = running.wait()
    assert (returned, out, err.strip()) == (143, "", "")
    assert env.leftovers() == []


def allow_core_dumps() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def test_a_crash_writes_no_core_dump(env: Env) -> None:
    """Python, driver, browser and pages hold keys in memory: none of them leaves a core dump."""
    running = start_pass(env, preexec_fn=allow_core_dumps)
    limits = {}
    for pid, words in env.processes().items():
        with contextlib.suppress(OSError):  # a helper of the browser that has just ended
            text = Path(f"/proc/{pid}/limits").read_text()
            limits[words] = re.findall(r"core file size +(\w+) +(\w+)", text)
    assert any(PAGE in words for words in limits)
    assert {words: limit for words, limit in limits.items() if limit != [("0", "0")]} == {}
    running.signal_all(signal.SIGSEGV)
    assert running.wait()[0] == -signal.SIGSEGV
    assert list(env.folder.rglob("core*")) == []


@pytest.mark.parametrize(
    ("victim", "words"),
    [(BROWSER, "died in mid-pass"), (DRIVER, "died in mid-pass"), (PAGE, "its page crashed")],
    ids=["browser", "driver", "page"],
)
def test_when_the_browser_dies_only_unread_accounts_fail(env: Env, victim: str, words: str) -> None:
    running = start_pass(env)
    running.kill(victim)
    returned, out, err = running.wait()
    assert (returned, out) == (0, "")
    assert err.startswith("cldmon: bob, carol: the browser failed")
    assert words in err
    assert err.count("\n") == 1
    assert env.accounts["alice"]["status"] == "ok"
    assert env.accounts["bob"]["errorKind"] == "no_browser"
    assert [each["label"] for each in env.history[0]["accounts"]] == ["alice"]
    assert env.leftovers() == []


def test_a_driver_that_hangs_is_killed(env: Env) -> None:
    running = start_pass(env)
    running.kill(DRIVER, signal.SIGSTOP)
    running.send_signal(signal.SIGTERM)
    returned, out, err = running.wait()
    assert (returned, out, err.strip()) == (143, "", "")
    assert env.leftovers() == []


def test_the_next_pass_removes_what_a_killed_one_left(env: Env) -> None:
    running = start_pass(env)
    running.send_signal(signal.SIGKILL)
    assert running.wait()[0] == -signal.SIGKILL
    assert any(env.temporary.iterdir())
    for label in env.labels:
        env.claude.heal(key_of(label))
    ran = env.run("fetch")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert env.leftovers() == []
