"""The command line itself: help, usage errors, pipes, closed streams, signals."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from cldmon import __version__
from cldmon.cli.main import COMMANDS
from tests.env import CLDMON, PATIENCE, Env, key_of, wait_until


@pytest.fixture
def env(env: Env) -> Env:
    """One account without a key: a pass over it needs no browser, and exits with 1."""
    env.write_config(tables='[[accounts]]\nlabel = "alice"\nsession_key_env = "NO_KEY"\n')
    return env


def shell(env: Env, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `cldmon` is the installed command."""
    return subprocess.run(
        ["bash", "-c", line.replace("cldmon", CLDMON)],
        env=env.environ,
        cwd=env.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_command(env: Env, option: str) -> None:
    ran = env.run(option)
    assert ran.returncode == 0
    for name in COMMANDS:
        assert f"\n  {name} " in ran.stdout


@pytest.mark.parametrize("words", [[], ["status"], ["schedule"]])
def test_help_is_a_command_too(env: Env, words: list[str]) -> None:
    ran = env.run("help", *words)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == env.run(*words, "--help").stdout


def test_version_is_printed(env: Env) -> None:
    assert env.run("--version").stdout.split() == ["cldmon,", "version", __version__]


def test_without_a_command_it_shows_its_help_and_fails(env: Env) -> None:
    ran = env.run()
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert "Usage: cldmon" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fecth"], "No such command 'fecth'. Did you mean 'fetch'? (see `cldmon --help`)"),
        (["nonsense"], "No such command 'nonsense' (see `cldmon --help`)"),
        (["fetch", "--acount", "a"], "--acount"),
        (["fetch", "alice"], "see `cldmon fetch --help`"),
        (["fetch", "--account"], "requires an argument (see `cldmon"),
        (["completion"], "Choose from: bash, zsh, fish (see `cldmon completion --help`)"),
        (["schedule"], "Choose from: systemd, cron (see `cldmon schedule --help`)"),
        (["help", "nonsense"], "No such command 'nonsense' (see `cldmon --help`)"),
    ],
)
def test_a_usage_error_is_one_line_that_names_the_help(
    env: Env, arguments: list[str], words: str
) -> None:
    ran = env.run(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("cldmon: ")
    assert ran.stderr.count("\n") == 1
    assert "\ufffd" not in ran.stderr
    assert words in ran.stderr


@pytest.mark.parametrize("more", [[], ["--debug"]])
def test_control_characters_of_a_name_are_not_printed(env: Env, more: list[str]) -> None:
    ran = env.run(*more, "--config", "\x1b]0;pwned\x07\x9b31m\u202e.toml", "status")
    assert ran.returncode == 2
    assert all(line.isprintable() for line in ran.stderr.split("\n"))


def test_a_secret_typed_as_a_name_is_masked(env: Env) -> None:
    for arguments in (["fetch", "--account", key_of("alice")], ["login", key_of("alice")]):
        ran = env.run("--debug", *arguments)
        assert ran.returncode == 2
        assert "MARKER" not in ran.stderr
        assert "no account '**********' in the config" in ran.stderr


def test_a_traceback_is_shown_only_with_debug(env: Env) -> None:
    assert "Traceback" not in env.run("fetch").stderr
    ran = env.run("--debug", "fetch")
    assert ran.returncode == 1
    assert "Traceback" in ran.stderr


def test_the_debug_log_contains_no_secret() -> None:
    """Nor does the traceback of an error that made one account fail."""
    raising = f"""
from cldmon.cli.log import show_log
from cldmon.domain.model import Failure
show_log(debug=True)
Failure.unexpected(ValueError("{key_of("alice")} \x1b]0;pwned"))
"""
    ran = subprocess.run(
        [sys.executable, "-c", raising], capture_output=True, text=True, check=True
    )
    assert "ValueError: **********" in ran.stderr
    assert all(line.isprintable() for line in ran.stderr.split("\n"))


def test_debug_changes_no_exit_code(env: Env) -> None:
    ran = env.run("--debug", "fetch", "--account", "nobody")
    assert ran.returncode == 2
    assert "Traceback" in ran.stderr


def test_a_closed_pipe_is_not_an_error(env: Env) -> None:
    ran = shell(env, "set -o pipefail; cldmon fetch --json 2>/dev/null | true; cldmon -h | true")
    assert ran.stderr == ""


def test_output_that_cannot_be_written_is_an_error(env: Env) -> None:
    ran = shell(env, "cldmon fetch 2>/dev/null; cldmon status --json >/dev/full")
    assert ran.returncode == 1
    assert ran.stderr == "cldmon: cannot write the output: No space left on device\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(env: Env, closed: str) -> None:
    """And the messages for them do not end up in a data file."""
    ran = shell(env, f"cldmon fetch {closed}")
    assert ran.returncode == 1
    assert env.accounts["alice"]["errorKind"] == "key_missing"
    assert len(env.history) == 1
    assert (env.data / "fetch.lock").read_text().strip().isdigit()


def test_a_removed_working_folder_is_an_error(env: Env) -> None:
    ran = shell(env, "mkdir gone; cd gone; rmdir ../gone; cldmon fetch")
    assert ran.returncode == 2
    assert ran.stderr.endswith("has been removed: change to another, e.g. cd ~\n")
    assert ran.stderr.count("\n") == 1


def test_without_a_home_it_works(env: Env) -> None:
    del env.environ["HOME"]
    assert env.run("fetch").returncode == 1
    assert env.accounts["alice"]["errorKind"] == "key_missing"


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["int", "term", "hup"],
)
def test_a_signal_ends_it_at_once_and_silently(env: Env, number: int, code: int) -> None:
    """While it waits for a program that prints a key."""
    command = 'session_key_command = ["sh", "-c", "touch ready; exec sleep 60"]'
    text = env.config.read_text().replace('session_key_env = "NO_KEY"', command)
    env.config.write_text(text)
    running = env.start("fetch")
    wait_until((env.folder / "ready").exists)
    running.send_signal(number)
    returned, out, err = running.wait()
    assert (returned, out, err.strip()) == (code, "", "")
    assert env.leftovers() == []
