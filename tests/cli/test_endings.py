"""How a pass ends that is interrupted, or whose browser goes: quickly, cleanly, and in words."""

from __future__ import annotations

import contextlib
import re
import resource
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click.core
import pytest

from cldmon.demo import faults
from tests.home import Home, key_of, wait_until
from tests.reliability.kernel import Step

if TYPE_CHECKING:
    from cldmon.demo.claude import FakeClaude
    from tests.home import Running

DRIVER = "run-driver"
BROWSER = "--remote-debugging-pipe"
PAGE = "--type=renderer"


@pytest.fixture
def home(tmp_path: Path, fake_claude: FakeClaude) -> Home:
    return Home(tmp_path / "home", fake_claude)


def in_mid_pass(home: Home, **options: Any) -> Running:
    """Start a pass; return when alice was read and bob and carol wait for answers."""
    silent = faults.hang(60)
    tables = "[browser]\ntimeout_seconds = 50"
    home.settle({"alice": None, "bob": silent, "carol": silent}, tables=tables)
    running = home.start("fetch", **options)
    wait_until(
        lambda: (
            {each.key for each in home.claude.requests} >= {key_of(label) for label in home.labels}
        )
    )
    wait_until(lambda: list((home.data / "browser").glob("*.json")))
    return running


@pytest.mark.parametrize(
    ("number", "group", "code"),
    [(signal.SIGINT, True, 130), (signal.SIGTERM, False, 143), (signal.SIGHUP, True, 129)],
    ids=["ctrl-c", "kill", "terminal-gone"],
)
def test_an_interrupted_pass_leaves_nothing_behind(
    home: Home, number: int, group: bool, code: int
) -> None:
    running = in_mid_pass(home)
    (running.tell_group if group else running.send_signal)(number)
    returned, out, err = running.end()
    assert (returned, out, err.strip()) == (code, "", "")
    assert home.left_behind() == []
    assert not (home.data / "state.json").exists()
    assert home.history == []


def test_ctrl_c_ends_it_in_silence_while_it_still_loads(home: Home) -> None:
    """And before there is anything to clear up."""
    loading = Step("newfstatat", 1, "loads click", (click.core.__file__,))
    ran = home.run("--version", under=loading.interrupted())
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


def test_nor_does_ctrl_c_while_a_class_is_made_look_like_a_fault(home: Home) -> None:
    """Python 3.11 makes a RuntimeError of it there."""
    home.settle({"alice": None})
    (home.folder / "sitecustomize.py").write_text(CTRL_C_IN_A_CLASS)
    ran = home.run("fetch", env={**home.env, "PYTHONPATH": str(home.folder)})
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


def test_a_pass_in_the_background_heeds_sigterm_alone(home: Home) -> None:
    """A shell has Ctrl-C ignored there from the start, and nohup the end of the terminal."""
    running = in_mid_pass(home, preexec_fn=ignore_terminal)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        running.tell_group(number)
    returned, out, err = running.end()
    assert (returned, out, err.strip()) == (143, "", "")
    assert home.left_behind() == []


def ignore_terminal() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def test_systemd_tells_all_processes_at_once(home: Home) -> None:
    running = in_mid_pass(home)
    running.tell_all(signal.SIGTERM)
    returned, out, err = running.end()
    assert (returned, out, err.strip()) == (143, "", "")
    assert home.left_behind() == []


def allow_core_dumps() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def test_no_crash_writes_a_key_to_the_disk(home: Home) -> None:
    """Python, driver, browser and pages hold keys in memory: none of them leaves a core dump."""
    running = in_mid_pass(home, preexec_fn=allow_core_dumps)
    limits = {}
    for pid, words in home.processes().items():
        with contextlib.suppress(OSError):  # a helper of the browser that has just ended
            text = Path(f"/proc/{pid}/limits").read_text()
            limits[words] = re.findall(r"core file size +(\w+) +(\w+)", text)
    assert any(PAGE in words for words in limits)
    assert {words: limit for words, limit in limits.items() if limit != [("0", "0")]} == {}
    running.tell_all(signal.SIGSEGV)
    assert running.end()[0] == -signal.SIGSEGV
    assert list(home.folder.rglob("core*")) == []


@pytest.mark.parametrize(
    ("victim", "words"),
    [(BROWSER, "died in mid-pass"), (DRIVER, "died in mid-pass"), (PAGE, "its page crashed")],
    ids=["browser", "driver", "page"],
)
def test_a_browser_that_dies_costs_only_those_not_yet_read(
    home: Home, victim: str, words: str
) -> None:
    running = in_mid_pass(home)
    running.kill(victim)
    returned, out, err = running.end()
    assert (returned, out) == (0, "")
    assert err.startswith("cldmon: bob, carol: the browser could not do it")
    assert words in err
    assert err.count("\n") == 1
    assert home.accounts["alice"]["status"] == "ok"
    assert home.accounts["bob"]["errorKind"] == "no_browser"
    assert [each["label"] for each in home.history[0]["accounts"]] == ["alice"]
    assert home.left_behind() == []


def test_a_driver_that_hangs_is_ended_by_force(home: Home) -> None:
    running = in_mid_pass(home)
    running.kill(DRIVER, signal.SIGSTOP)
    running.send_signal(signal.SIGTERM)
    returned, out, err = running.end()
    assert (returned, out, err.strip()) == (143, "", "")
    assert home.left_behind() == []


def test_what_a_killed_pass_leaves_is_cleared_by_the_next(home: Home) -> None:
    running = in_mid_pass(home)
    running.send_signal(signal.SIGKILL)
    assert running.end()[0] == -signal.SIGKILL
    assert any(home.temporary.iterdir())
    for label in home.labels:
        home.claude.heal(key_of(label))
    ran = home.run("fetch")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert home.left_behind() == []
