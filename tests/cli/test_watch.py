"""`cldmon status --watch`, in a pipe and on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.cli.accounts import LINE, account
from tests.env import CLDMON, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.env import Env

PATIENCE = 20.0
"""Seconds after which something hangs for certain."""


@pytest.fixture
def env(env: Env) -> Env:
    return env.write_config(labels=["alice", "bob"])


def command(*arguments: str) -> list[str]:
    return [CLDMON, "status", *arguments]


def test_a_watch_in_a_pipe_prints_each_new_pass_and_ends_with_ctrl_c(env: Env) -> None:
    """Nothing is printed while nothing is new, and no escape code ever."""
    env.save_snapshot(account("alice", 41))
    log = env.folder / "log"
    with log.open("wb") as stdout:
        watch = subprocess.Popen(
            command(*LINE, "--account", "alice", "--watch", "0.1"),
            env={**env.environ, "PYTHONUNBUFFERED": "1"},
            stdout=stdout,
        )
    try:
        wait_until(lambda: log.read_text().count("\n") == 1)
        env.save_snapshot(account("alice", 42))
        wait_until(lambda: log.read_text().count("\n") == 2)
        env.config.write_text("accounts = 3")
        wait_until(lambda: "expected [[accounts]]" in log.read_text())
        env.write_config(labels=["alice"])
        wait_until(lambda: log.read_text().count("\n") == 4)
    finally:
        watch.send_signal(signal.SIGINT)
        assert watch.wait(PATIENCE) == 0
    assert [line[:12] for line in log.read_text().splitlines() if line.startswith("alice")] == [
        "alice 5h 41%",
        "alice 5h 42%",
        "alice 5h 42%",
    ]
    assert "\x1b" not in log.read_text()


def test_a_program_that_watches_gets_data_alone_and_trouble_goes_to_stderr(env: Env) -> None:
    env.save_snapshot(account("alice", 41))
    watch = subprocess.Popen(
        command("--json", "--account", "alice", "--watch", "0.1"),
        env={**env.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with watch:
        assert watch.stdout
        assert watch.stderr
        assert len(document(watch.stdout)["accounts"]) == 1
        (env.data / "state.json").write_text("{")
        assert "sets it aside" in watch.stderr.readline()
        (env.data / "state.json").unlink()
        assert "no readings yet" in watch.stderr.readline()
        assert document(watch.stdout)["loading"] is True
        watch.send_signal(signal.SIGINT)
        assert (watch.stdout.read(), watch.stderr.read()) == ("", "")


def document(stream: Iterable[str]) -> Any:
    """The next indented JSON of a stream."""
    lines = []
    for line in stream:
        lines.append(line)
        if line == "}\n":
            break
    return json.loads("".join(lines))


class Terminal:
    """A terminal of so many rows and columns in which a command runs."""

    def __init__(self, command: list[str], env: dict[str, str], rows: int, columns: int) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(rows, columns)
        self.process = subprocess.Popen(
            command, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.seen = ""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, true: Callable[[str], object]) -> None:
        """Read what comes until what was seen since the last call is what is waited for."""
        self.seen = ""
        deadline = time.monotonic() + PATIENCE
        while not true(self.seen):
            assert time.monotonic() < deadline, self.seen
            if select.select([self._ours], [], [], 0.1)[0]:
                self.seen += os.read(self._ours, 65536).decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


def test_a_watch_on_a_terminal_draws_in_place_and_gives_the_screen_back(env: Env) -> None:
    env.save_snapshot(account("alice", 41), account("bob", 7))
    with Terminal(command("--watch", "60"), {**env.environ, "TERM": "xterm"}, 24, 80) as terminal:
        terminal.read_until(lambda seen: "\x1b[J" in seen)
        assert terminal.seen.startswith("\x1b[?1049h\x1b[?25l")
        assert "every 60 s" in terminal.seen

        env.save_snapshot(account("alice", 99), account("bob", 7))
        terminal.read_until(lambda seen: "\x1b[J" in seen)
        assert " 99% !!" in terminal.seen

        terminal.resize(8, 62)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        terminal.read_until(lambda seen: "shortened to fit" in seen)

        terminal.resize(6, 62)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        terminal.read_until(lambda seen: "more lines" in seen)

        os.kill(terminal.process.pid, signal.SIGINT)
        terminal.read_until(lambda seen: "\x1b[?1049l" in seen)
        assert "\x1b[?25h" in terminal.seen
        assert terminal.process.wait(PATIENCE) == 0


@contextmanager
def tmux(env: Env, rows: int, columns: int, *arguments: str) -> Iterator[Callable[[], list[str]]]:
    """Run a watch in a terminal of tmux, and yield what returns the lines that stand there."""
    settings = env.folder / "tmux.conf"
    settings.write_text("set -g status off\n")

    def ask(*words: str) -> str:
        command = ["tmux", "-S", str(env.folder / "tmux"), "-f", str(settings), *words]
        return subprocess.run(
            command,
            env={**env.environ, "TERM": "xterm"},
            capture_output=True,
            check=True,
            encoding="utf-8",
        ).stdout

    size = ("-x", str(columns), "-y", str(rows))
    ask("new-session", "-d", *size, *command("--watch", "60", *arguments))
    try:
        yield lambda: ask("capture-pane", "-p").splitlines()
    finally:
        ask("kill-server")


@pytest.mark.parametrize("columns", [63, 80])
def test_a_line_as_wide_as_the_terminal_is_shown_to_its_last_letter(env: Env, columns: int) -> None:
    """Also the last one, on the last row."""
    env.save_snapshot(account("alice", 41), account("bob", 7))
    table = env.output("status", environ={"COLUMNS": str(columns)}).splitlines()
    assert max(map(len, table)) == columns
    with tmux(env, len(table) + 2, columns) as shown:
        wait_until(lambda: "Pro" in "".join(shown()))
        assert "Ctrl-C ends it" in shown()[0]
        assert shown()[2:] == table


def test_a_watch_of_something_wrong_from_the_start_is_an_error(env: Env) -> None:
    done = env.run("status", "--watch", "--account", "carol")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no account 'carol'" in done.stderr


def test_an_error_during_a_watch_is_wrapped_on_a_narrow_screen(env: Env) -> None:
    env.save_snapshot(account("alice", 41))
    with Terminal(command("--watch", "60"), {**env.environ, "TERM": "xterm"}, 24, 40) as terminal:
        terminal.read_until(lambda seen: "\x1b[J" in seen)
        (env.data / "state.json").write_text("{")
        terminal.read_until(lambda seen: "\x1b[J" in seen)
        lines = re.sub(r"\x1b\[[?\d]*[a-zA-Z]", "", terminal.seen).splitlines()
        assert " ".join(lines).endswith("it is corrupt; the next pass sets it aside")
        assert all(len(line) <= 40 for line in lines if "/" not in line)


@pytest.mark.parametrize("seconds", ["nan", "0", "soon"])
def test_a_watch_has_a_length_of_time_to_wait(env: Env, seconds: str) -> None:
    done = env.run("status", "--watch", seconds)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Invalid value for '--watch'" in done.stderr


def test_a_watch_on_a_terminal_without_escape_codes_goes_on_below(env: Env) -> None:
    env.save_snapshot(account("alice", 41))
    with Terminal(command("--watch", "60"), {**env.environ, "TERM": "dumb"}, 24, 80) as terminal:
        terminal.read_until(lambda seen: "41%" in seen)
        env.save_snapshot(account("alice", 99))
        terminal.read_until(lambda seen: " 99% !!" in seen)
        assert "\x1b" not in terminal.seen
