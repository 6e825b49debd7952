"""`cldmon login` as people run it: a real browser at a simulated claude.ai, and pasted keys."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import stat
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from cldmon.app.app import App
from cldmon.claude.browser import BrowserSettings, find_browser
from cldmon.demo.claude import SimAccount, SimOrganization
from tests.env import CLDMON, PATIENCE, Env, key_of, organization_of
from tests.simulation import faults
from tests.simulation.challenges import Challenge
from tests.simulation.claude import challenge, expired
from tests.simulation.usage_json import usage

if TYPE_CHECKING:
    from tests.env import Running

NEW = "sk-ant-sid02-MARKER-new-aaaaaaaaaaaa"


@pytest.fixture
def env(env: Env) -> Env:
    """The account alice, whose new key the service knows already."""
    env.set_up({"alice": None})
    organization = SimOrganization(organization_of("alice"), capabilities=("chat", "claude_max"))
    env.claude.add(SimAccount(NEW, (organization,), usage()))
    return env


def with_window(env: Env) -> Env:
    """Set a display and a browser for it: a headless one, so that CI needs none."""
    program = env.folder / "window"
    browser = find_browser(BrowserSettings(), os.environ)
    program.write_text(f'#!/bin/sh\nexec "{browser}" --headless "$@"\n')
    program.chmod(0o700)
    env.environ |= {"DISPLAY": ":99", "CLDMON_BROWSER": str(program)}
    return env


def open_window(env: Env) -> Running:
    """Start a login, and return when its window is open and the instructions are printed."""
    running = with_window(env).start("login", "alice")
    assert "Sign in to claude.ai as alice" in running.read_line()
    assert "six-digit code" in running.read_line()
    assert "Google" in running.read_line()
    return running


def paste(env: Env, *arguments: str, text: str = NEW) -> subprocess.CompletedProcess[str]:
    options: dict[str, Any] = {"input": f"{text}\n", "stdin": None}
    return env.run("login", "--paste", *arguments, **options)


def test_signing_in_stores_the_key(env: Env) -> None:
    """The window opens before the sign-in, and closes after it."""
    running = open_window(env)
    env.claude.sign_in(NEW)
    code, out, err = running.wait()
    assert (code, out) == (0, f"alice (Max): key stored in {env.config}\n")
    assert f'session_key = "{NEW}"' in env.config.read_text()
    assert stat.S_IMODE(env.config.stat().st_mode) == 0o600
    assert "MARKER" not in out + err
    assert env.leftovers() == []


@pytest.mark.parametrize("arguments", [(), ("--no-check",)])
def test_the_clearance_of_the_window_is_kept_for_the_passes(
    env: Env, arguments: tuple[str, ...]
) -> None:
    """The challenge was passed in the window: neither the check nor a pass meets it again."""
    env.claude.challenge(NEW, Challenge.PERSON)
    running = with_window(env).start("login", "alice", *arguments)
    env.claude.sign_in(NEW)
    code, out, _ = running.wait()
    plan = "" if arguments else " (Max)"
    assert (code, out) == (0, f"alice{plan}: key stored in {env.config}\n")
    [kept] = (env.data / "browser").glob("*.json")
    assert [each["name"] for each in json.loads(kept.read_text())["cookies"]] == ["cf_clearance"]
    assert "MARKER" not in kept.read_text()
    env.claude.clear()
    assert env.run("fetch").returncode == 0
    assert env.accounts["alice"]["status"] == "ok"
    assert all("cf_clearance=" in each.headers["cookie"] for each in env.claude.requests)


def test_ctrl_c_ends_it_cleanly_and_changes_nothing(env: Env) -> None:
    before = env.config.read_bytes()
    running = open_window(env)
    running.signal_group(signal.SIGINT)
    code, out, err = running.wait()
    assert (code, out, err.strip()) == (130, "", "")
    assert env.config.read_bytes() == before
    assert env.leftovers() == []


def test_a_closed_window_stores_nothing(env: Env) -> None:
    running = open_window(env)
    running.kill("--remote-debugging-pipe")
    code, out, err = running.wait()
    assert (code, out) == (1, "")
    assert err == "cldmon: the window was closed before sign-in was complete: nothing was stored\n"
    assert env.leftovers() == []


def test_a_service_that_cannot_be_reached_is_one_line(env: Env) -> None:
    env.claude.close()
    ran = with_window(env).run("login", "alice")
    assert ran.returncode == 1
    assert ran.stderr == (
        f"cldmon: {env.claude.url}/login cannot be reached (connection refused): check the"
        " network and try again\n"
    )


def test_without_a_display_it_says_what_to_do(env: Env) -> None:
    ran = env.run("login", "alice")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "ssh -X" in ran.stderr
    assert "--paste" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_display_that_does_not_answer_is_reported_as_missing(env: Env) -> None:
    browser = env.folder / "chromium"
    browser.write_text("#!/bin/sh\necho 'Missing X server or $DISPLAY' >&2\nexit 1\n")
    browser.chmod(0o700)
    env.environ |= {"DISPLAY": ":99", "CLDMON_BROWSER": str(browser)}
    ran = env.run("login", "alice")
    assert ran.returncode == 1
    assert "ssh -X" in ran.stderr


def test_a_headless_shell_is_not_used_for_the_window(env: Env) -> None:
    shell = env.folder / "chromium-headless-shell"
    shell.write_text("#!/bin/sh\n")
    shell.chmod(0o700)
    env.environ |= {
        "DISPLAY": ":99",
        "CLDMON_BROWSER": str(shell),
        "PLAYWRIGHT_BROWSERS_PATH": str(env.folder / "none"),
    }
    ran = env.run("login", "alice")
    assert ran.returncode == 1
    assert str(shell) not in ran.stderr


def test_a_pasted_key_is_checked_stored_and_not_shown(env: Env) -> None:
    ran = paste(env, "alice")
    assert (ran.returncode, ran.stdout) == (0, f"alice (Max): key stored in {env.config}\n")
    assert f'session_key = "{NEW}"' in env.config.read_text()
    assert "MARKER" not in ran.stdout + ran.stderr


def test_a_pasted_cookie_is_sent_as_the_session_key(env: Env) -> None:
    """By either name: see tests/config/test_secrets.py."""
    ran = paste(env, "alice", text=f"sessionKeyV3={NEW}")
    assert ran.returncode == 0
    assert f'session_key = "{NEW}"' in env.config.read_text()
    assert {request.headers["cookie"] for request in env.claude.requests} == {f"sessionKey={NEW}"}


def answer_questions(env: Env, *arguments: str, answers: dict[str, str]) -> tuple[int, str]:
    """Answer each question of a login on a terminal; return the exit code and what it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [CLDMON, "login", *arguments],
        env=env.environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = ""
    for question, answer in answers.items():
        while question not in shown:
            shown += os.read(ours, 1024).decode()
        os.write(ours, f"{answer}\n".encode())
    with suppress(OSError):  # the other end is closed
        while more := os.read(ours, 1024).decode():
            shown += more
    os.close(ours)
    return process.wait(PATIENCE), shown


def test_a_key_is_typed_without_echo(env: Env) -> None:
    code, shown = answer_questions(
        env, "alice", "--paste", "--no-check", answers={"not shown": NEW}
    )
    assert code == 0
    assert "key stored in" in shown
    assert "MARKER" not in shown
    assert NEW in env.config.read_text()


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_on_a_terminal_it_asks_whether_to_add_an_account(env: Env, answer: str, code: int) -> None:
    answers = {"Add it?": answer} | ({"not shown": NEW} if answer == "y" else {})
    assert answer_questions(env, "bob", "--paste", "--no-check", answers=answers)[0] == code
    assert (NEW in env.config.read_text()) == (answer == "y")


@pytest.mark.parametrize("text", ["", "hello", "sk-ant-sid01-REPLACE-ME", "\x1b\0"])
def test_an_invalid_key_is_refused(env: Env, text: str) -> None:
    before = env.config.read_bytes()
    ran = paste(env, "alice", text=text)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("cldmon: what was pasted is ")
    assert env.config.read_bytes() == before


class HastyApp(App):
    """An application that tries a new key once more, without a pause."""

    new_key_pauses: ClassVar[tuple[float, ...]] = (0.0,)


@pytest.mark.parametrize(("times", "is_stored"), [(1, True), (2, False)])
def test_a_new_key_is_tried_again_and_not_stored_if_the_service_refuses_it(
    env: Env, times: int, is_stored: bool
) -> None:
    env.claude.fail(NEW, expired(), times)
    hasty = HastyApp(env.config, None, env.environ, env.clock)
    ran = env.invoke("login", "alice", "--paste", stdin=f"{NEW}\n", app=hasty)
    assert (NEW in env.config.read_text(), ran.exit_code == 0) == (is_stored, is_stored)
    if not is_stored:
        assert "not stored: session key expired or revoked" in str(ran.exception)


@pytest.mark.parametrize("fault", [challenge(), faults.status(503)])
def test_a_service_in_trouble_does_not_keep_a_key_from_being_stored(
    env: Env, fault: faults.Fault
) -> None:
    env.write_config(tables="[browser]\ntimeout_seconds = 2")
    env.claude.fail(NEW, fault)
    ran = paste(env, "alice")
    assert ran.returncode == 0
    assert "the key could not be checked" in ran.stderr
    assert NEW in env.config.read_text()


def test_a_key_of_another_organization_is_not_stored(env: Env) -> None:
    uuid = organization_of("other")
    env.config.write_text(f'{env.config.read_text()}organization = "{uuid}"\n')
    ran = paste(env, "alice")
    assert ran.returncode == 1
    assert key_of("alice") in env.config.read_text()


def test_no_check_sends_no_request(env: Env) -> None:
    env.claude.close()
    ran = paste(env, "alice", "--no-check")
    assert (ran.returncode, ran.stdout) == (0, f"alice: key stored in {env.config}\n")


def test_an_unknown_account_is_refused_and_the_known_ones_named(env: Env) -> None:
    ran = paste(env, "bob")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == ("cldmon: no account 'bob' in the config (it has: alice); --add adds it\n")


def test_a_new_account_is_added_on_demand(env: Env) -> None:
    ran = paste(env, "bob", "--add", "--no-check")
    assert ran.returncode == 0
    assert env.config.read_text().endswith(
        f'\n[[accounts]]\nlabel = "bob"\nsession_key = "{NEW}"\n'
    )


def test_a_key_file_is_written_where_the_configuration_names_one(env: Env) -> None:
    env.write_config(tables='[[accounts]]\nlabel = "bob"\nsession_key_file = "bob.key"')
    ran = paste(env, "bob", "--no-check")
    file = env.folder / "bob.key"
    assert ran.stdout == f"bob: key stored in {file}\n"
    assert file.read_text() == f"{NEW}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_from_a_variable_is_refused_before_anybody_signs_in(env: Env) -> None:
    env.write_config(tables='[[accounts]]\nlabel = "bob"\nsession_key_env = "BOB"')
    ran = with_window(env).run("login", "bob")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "put its cookie sessionKey into that variable" in ran.stderr


def test_a_key_that_the_service_gets_from_systemd_is_not_written_into_the_configuration(
    env: Env,
) -> None:
    text = re.sub("session_key = .*", "", env.config.read_text())
    env.config.write_text(text)
    unit = env.folder / ".config/systemd/user/cldmon-fetch.service"
    unit.parent.mkdir(parents=True)
    start = f"ExecStart={CLDMON} --config {env.config} --data-dir {env.data} fetch"
    credential = "LoadCredential=alice:/etc/credstore/cldmon-alice"
    unit.write_text(f"[Service]\n{start}\n{credential}\n")
    ran = paste(env, "alice")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "/etc/credstore/cldmon-alice" in ran.stderr
    assert "MARKER" not in ran.stderr
    assert env.config.read_text() == text
    assert env.claude.requests == []
