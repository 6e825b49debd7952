"""The command line itself: help, slips, pipes, streams that are closed, signals."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cldmon import __version__
from cldmon.cli import COMMANDS
from tests.home import CLDMON, PATIENCE, Home, key_of, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from cldmon.demo.claude import FakeClaude


@pytest.fixture
def home(tmp_path: Path, fake_claude: FakeClaude) -> Home:
    """A home whose one account has no key: a pass over it needs no browser, and exits with 1."""
    home = Home(tmp_path / "home", fake_claude).settle({})
    home.config.write_text(
        home.config.read_text() + '[[accounts]]\nlabel = "alice"\nsession_key_env = "NO_KEY"\n'
    )
    return home


def shell(home: Home, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `cldmon` is the installed command."""
    return subprocess.run(
        ["bash", "-c", line.replace("cldmon", CLDMON)],
        env=home.env,
        cwd=home.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_command(home: Home, option: str) -> None:
    ran = home.run(option)
    assert ran.returncode == 0
    for name in COMMANDS:
        assert f"\n  {name} " in ran.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(home: Home, name: str) -> None:
    ran = home.run(name, "--help")
    assert ran.returncode == 0
    assert f"Usage: cldmon {name}" in ran.stdout


@pytest.mark.parametrize("words", [[], ["status"], ["schedule"]])
def test_help_is_a_word_as_well(home: Home, words: list[str]) -> None:
    ran = home.run("help", *words)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == home.run(*words, "--help").stdout


def test_the_version_is_told(home: Home) -> None:
    assert home.run("--version").stdout.split() == ["cldmon,", "version", __version__]


def test_without_a_command_it_shows_its_help_and_fails(home: Home) -> None:
    ran = home.run()
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
def test_a_slip_is_one_line_that_says_where_to_look(
    home: Home, arguments: list[str], words: str
) -> None:
    ran = home.run(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("cldmon: ")
    assert ran.stderr.count("\n") == 1
    assert "\ufffd" not in ran.stderr
    assert words in ran.stderr


@pytest.mark.parametrize("more", [[], ["--debug"]])
def test_no_name_in_an_error_or_a_traceback_steers_a_terminal(home: Home, more: list[str]) -> None:
    ran = home.run(*more, "--config", "\x1b]0;pwned\x07\x9b31m\u202e.toml", "status")
    assert ran.returncode == 2
    assert all(line.isprintable() for line in ran.stderr.split("\n"))


def test_a_secret_that_was_typed_as_a_name_is_not_said_again(home: Home) -> None:
    for arguments in (["fetch", "--account", key_of("alice")], ["login", key_of("alice")]):
        ran = home.run("--debug", *arguments)
        assert ran.returncode == 2
        assert "MARKER" not in ran.stderr
        assert "no account '**********' in the config" in ran.stderr


def test_a_traceback_is_shown_with_debug_alone(home: Home) -> None:
    assert "Traceback" not in home.run("fetch").stderr
    ran = home.run("--debug", "fetch")
    assert ran.returncode == 1
    assert "Traceback" in ran.stderr


def test_with_debug_the_log_is_shown_and_no_secret_in_it() -> None:
    """So is the traceback of what kept one account from being read, which ends no command."""
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


def test_debug_changes_no_exit_code(home: Home) -> None:
    ran = home.run("--debug", "fetch", "--account", "nobody")
    assert ran.returncode == 2
    assert "Traceback" in ran.stderr


def test_a_reader_that_leaves_is_no_error(home: Home) -> None:
    ran = shell(home, "set -o pipefail; cldmon fetch --json 2>/dev/null | true; cldmon -h | true")
    assert ran.stderr == ""


def test_output_that_cannot_be_written_is_said(home: Home) -> None:
    ran = shell(home, "cldmon fetch 2>/dev/null; cldmon status --json >/dev/full")
    assert ran.returncode == 1
    assert ran.stderr == "cldmon: cannot write the output: No space left on device\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_do_no_harm(home: Home, closed: str) -> None:
    """Nor does what should have gone there end up in a data file."""
    ran = shell(home, f"cldmon fetch {closed}")
    assert ran.returncode == 1
    assert home.accounts["alice"]["errorKind"] == "key_missing"
    assert len(home.history) == 1
    assert (home.data / "fetch.lock").read_text().strip().isdigit()


def test_a_working_folder_that_is_gone_is_said(home: Home) -> None:
    ran = shell(home, "mkdir gone; cd gone; rmdir ../gone; cldmon fetch")
    assert ran.returncode == 2
    assert ran.stderr.endswith("has been removed: change to another, e.g. cd ~\n")
    assert ran.stderr.count("\n") == 1


def test_without_a_home_it_works(home: Home) -> None:
    del home.env["HOME"]
    assert home.run("fetch").returncode == 1
    assert home.accounts["alice"]["errorKind"] == "key_missing"


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["int", "term", "hup"],
)
def test_a_signal_ends_it_at_once_and_without_a_word(home: Home, number: int, code: int) -> None:
    """Here while it waits for a program that prints a key."""
    command = 'session_key_command = ["sh", "-c", "touch ready; exec sleep 60"]'
    text = home.config.read_text().replace('session_key_env = "NO_KEY"', command)
    home.config.write_text(text)
    running = home.start("fetch")
    wait_until((home.folder / "ready").exists)
    running.send_signal(number)
    returned, out, err = running.end()
    assert (returned, out, err.strip()) == (code, "", "")
    assert home.left_behind() == []
