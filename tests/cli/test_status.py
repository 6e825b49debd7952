"""`cldmon status`, as it is run in a shell."""

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
import sys
import termios
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from cldmon.__main__ import line_asked
from cldmon.domain.model import Account, Failure, FailureKind, Reading, Snapshot, Window
from cldmon.store.state import State, StateFile

if TYPE_CHECKING:
    from collections.abc import Callable

CLDMON = str(Path(sys.executable).with_name("cldmon"))
PATIENCE = 20.0
"""Seconds after which something hangs for certain."""
MINUTE = timedelta(minutes=1)
LINE = ("--format", "line")
NEVER = {"pydantic", "slack_sdk", "playwright", "plotext", "asyncio", "http.server", "tabulate"}


@dataclass(frozen=True)
class Home:
    """A folder with a configuration and a data_dir."""

    folder: Path

    def configure(self, *labels: str, top: str = "") -> None:
        accounts = (f'[[accounts]]\nlabel = "{x}"\nsession_key_env = "KEY"\n' for x in labels)
        text = 'data_dir = "data"\n' + top + "".join(accounts)
        (self.folder / "config.toml").write_text(text, encoding="utf-8")

    def leave(self, *accounts: Account) -> None:
        """Leave what a pass of now leaves."""
        state = State(Snapshot(datetime.now(UTC), accounts))
        StateFile(self.folder / "data").save(state)

    def command(self, *arguments: str) -> list[str]:
        return [CLDMON, "--config", str(self.folder / "config.toml"), "status", *arguments]

    def env(self, **more: str) -> dict[str, str]:
        base = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        return base | {"TZ": "UTC"} | more

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.env(**env),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def out(self, *arguments: str, **env: str) -> str:
        """What is printed where all is well."""
        done = self.run(*arguments, **env)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


def account(label: str, percent: int, ago: timedelta = MINUTE) -> Account:
    now = datetime.now(UTC)
    windows = {
        "fiveHour": Window(percent, now + 90 * MINUTE),
        "sevenDay": Window(63, now + timedelta(days=3)),
    }
    return Account(label, Reading(now - ago, windows, plan="Pro"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    (tmp_path / "data").mkdir(mode=0o700)
    home.configure("alice", "bob")
    return home


def test_a_table_of_all_accounts_or_of_some(home: Home) -> None:
    home.leave(account("alice", 41), account("bob", 7))
    text = home.out()
    assert "alice · Pro · read 1 min ago" in text
    assert re.search(r"5h +█+░+ +41% +\d\d:\d\d +in 1h 30m|5h .*41% .*in 1h 30m", text)
    assert "alice" not in home.out("--account", "bob")


def test_times_are_in_the_zone_of_the_reader(home: Home) -> None:
    home.leave(account("alice", 41))
    resets = datetime.now(UTC) + 90 * MINUTE
    near = {f"{resets + timedelta(hours=9, minutes=m):%H:%M}" for m in (-1, 0, 1)}
    assert any(clock in home.out("--account", "alice", TZ="Asia/Tokyo") for clock in near)


def test_nothing_was_read_yet(home: Home) -> None:
    """Says so on stderr, with what to do, and fails nobody's status bar."""
    for arguments in ((), LINE):
        done = home.run(*arguments)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == "cldmon: nothing was read yet; run `cldmon fetch`\n"
    body = json.loads(home.run("--json").stdout)
    assert (body["accounts"], body["loading"]) == ([], True)


def test_no_account_is_configured(home: Home) -> None:
    home.configure()
    done = home.run()
    assert (done.returncode, done.stdout) == (0, "")
    assert "no account is configured" in done.stderr


def test_the_configuration_says_which_accounts_there_are(home: Home) -> None:
    home.leave(account("gone", 5), account("alice", 41))
    text = home.out()
    assert "bob · not read yet" in text
    assert "gone" not in text
    assert home.out(*LINE) == "alice 5h 41% 7d 63% · bob –\n"


def test_the_interval_of_the_configuration_decides_what_is_stale(home: Home) -> None:
    home.leave(account("alice", 41, ago=20 * MINUTE))
    assert "?" not in home.out("--account", "alice", *LINE)
    home.configure("alice", top="fetch_interval_minutes = 5\n")
    assert home.out(*LINE) == "alice 5h 41%? 7d 63%?\n"


@pytest.mark.parametrize("form", ["table", "json", "csv", "line"])
def test_an_unknown_account_is_refused(home: Home, form: str) -> None:
    home.leave(account("alice", 41))
    done = home.run("--account", "carol", "--format", form)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "cldmon: no account 'carol' in the config; it has: alice, bob\n"


@pytest.mark.parametrize("form", ["table", "line"])
@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 1, "snapshot": {"accounts": 3}}'])
def test_a_damaged_state_is_one_line(home: Home, content: str, form: str) -> None:
    (home.folder / "data" / "state.json").write_text(content)
    done = home.run("--format", form)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"cldmon: \S+/state\.json .*; the next pass sets it aside\n", done.stderr)


@pytest.mark.parametrize("form", ["table", "line"])
def test_a_broken_configuration_is_one_line(home: Home, form: str) -> None:
    (home.folder / "config.toml").write_text("accounts = 3")
    done = home.run("--format", form)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_json_has_all_accounts_or_some(home: Home) -> None:
    home.leave(account("alice", 41), account("bob", 7))
    for arguments in (("--json",), ("--format", "json"), ("--json", "--account", "bob")):
        body = json.loads(home.out(*arguments))
        expected = ["bob"] if "bob" in arguments else ["alice", "bob"]
        assert [entry["label"] for entry in body["accounts"]] == expected


def test_a_pipe_gets_no_escape_codes_unless_it_asks_for_them(home: Home) -> None:
    home.leave(account("alice", 95))
    assert "\x1b" not in home.out()
    assert "\x1b[31" in home.out(FORCE_COLOR="1")
    assert "\x1b" not in home.out(FORCE_COLOR="1", NO_COLOR="1")


@pytest.mark.parametrize("form", ["table", "json", "csv", "line"])
@pytest.mark.parametrize("env", [{"LANG": "C"}, {"PYTHONIOENCODING": "latin-1"}])
def test_without_utf_8_all_is_ascii(home: Home, form: str, env: dict[str, str]) -> None:
    home.configure("数据", "é")
    failure = Failure(FailureKind.TIMEOUT, "no answer – in time")
    home.leave(account("数据", 41), Account("é", None, failure))
    assert home.out("--format", form, **env).isascii()


def test_the_line_is_the_same_with_and_without_click(home: Home) -> None:
    """`--debug` is not among the plain forms that are answered without it."""
    home.leave(account("alice", 100), Account("bob", None, Failure(FailureKind.TIMEOUT, "slow")))
    debug = [CLDMON, "--debug", *home.command(*LINE)[1:]]
    slow = subprocess.run(debug, env=home.env(), capture_output=True, text=True, check=True)
    assert slow.stdout == home.out(*LINE)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("status --format line", {"--format": ["line"]}),
        (
            "--config a --data-dir=b status --account x --format=line --account y",
            {
                "--config": ["a"],
                "--data-dir": ["b"],
                "--account": ["x", "y"],
                "--format": ["line"],
            },
        ),
        ("--config status status --format line", {"--config": ["status"], "--format": ["line"]}),
        ("status --format table --format line", {"--format": ["table", "line"]}),
        ("status", None),
        ("status --format", None),
        ("status --format=", None),
        ("status --format table", None),
        ("status --format line --watch", None),
        ("status --format line --help", None),
        ("status status --format line", None),
        ("--format line status", None),
        ("status --format line --config a", None),
        ("history --format line", None),
        ("", None),
    ],
)
def test_only_the_plain_line_is_answered_without_click(
    words: str, asked: dict[str, list[str]] | None
) -> None:
    assert line_asked(words.split()) == asked


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (("status", *LINE), NEVER | {"click", "dataclasses", "inspect", "logging"}),
        (("status",), NEVER | {"logging", "email.message", "shutil"}),
        (("--help",), NEVER | {"dataclasses", "tomllib", "json", "pathlib", "shutil"}),
    ],
)
def test_what_starts_often_imports_little(
    home: Home, arguments: tuple[str, ...], unwanted: set[str]
) -> None:
    home.leave(account("alice", 41), account("bob", 7))
    script = (
        "import sys, contextlib\nfrom cldmon.__main__ import main\n"
        "with contextlib.suppress(SystemExit): main()\n"
        f"print(sorted(set(sys.modules) & {unwanted!r}), file=sys.stderr)"
    )
    command = [sys.executable, "-c", script, "--config", str(home.folder / "config.toml")]
    done = subprocess.run(
        [*command, *arguments], env=home.env(), capture_output=True, text=True, check=True
    )
    assert done.stdout
    assert done.stderr == "[]\n"


@pytest.mark.parametrize("arguments", [(), LINE])
def test_a_reader_that_goes_away_hears_no_complaint(home: Home, arguments: tuple[str, ...]) -> None:
    home.leave(account("alice", 41))
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        home.command(*arguments), env=home.env(), stdout=theirs, stderr=subprocess.PIPE, check=False
    )
    os.close(theirs)
    assert done.stderr == b""


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def test_a_watch_in_a_pipe_prints_each_new_pass_and_ends_with_ctrl_c(home: Home) -> None:
    """Nothing is printed while nothing is new, and no escape code ever."""
    home.leave(account("alice", 41))
    log = home.folder / "log"
    with log.open("wb") as stdout:
        watch = subprocess.Popen(
            home.command(*LINE, "--account", "alice", "--watch", "0.1"),
            env=home.env(PYTHONUNBUFFERED="1"),
            stdout=stdout,
        )
    try:
        wait_until(lambda: log.read_text().count("\n") == 1)
        home.leave(account("alice", 42))
        wait_until(lambda: log.read_text().count("\n") == 2)
        (home.folder / "config.toml").write_text("accounts = 3")
        wait_until(lambda: "expected [[accounts]]" in log.read_text())
        home.configure("alice")
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


def test_a_watch_on_a_terminal_draws_in_place_and_gives_the_screen_back(home: Home) -> None:
    home.leave(account("alice", 41), account("bob", 7))
    with Terminal(home.command("--watch", "60"), home.env(TERM="xterm"), 24, 80) as terminal:
        terminal.read_until(lambda seen: "\x1b[J" in seen)
        assert terminal.seen.startswith("\x1b[?1049h\x1b[?25l")
        assert "every 60 s" in terminal.seen

        home.leave(account("alice", 99), account("bob", 7))
        terminal.read_until(lambda seen: "\x1b[J" in seen)
        assert " 99% !!" in terminal.seen

        terminal.resize(8, 62)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        terminal.read_until(lambda seen: "\x1b[J" in seen)
        assert "more lines" in terminal.seen

        os.kill(terminal.process.pid, signal.SIGINT)
        terminal.read_until(lambda seen: "\x1b[?1049l" in seen)
        assert "\x1b[?25h" in terminal.seen
        assert terminal.process.wait(PATIENCE) == 0


def test_a_watch_of_something_wrong_from_the_start_is_an_error(home: Home) -> None:
    done = home.run("--watch", "--account", "carol")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no account 'carol'" in done.stderr


def test_trouble_during_a_watch_is_told_to_its_end_however_narrow_the_screen(home: Home) -> None:
    home.leave(account("alice", 41))
    with Terminal(home.command("--watch", "60"), home.env(TERM="xterm"), 24, 40) as terminal:
        terminal.read_until(lambda seen: "\x1b[J" in seen)
        (home.folder / "data" / "state.json").write_text("{")
        terminal.read_until(lambda seen: "\x1b[J" in seen)
        lines = re.sub(r"\x1b\[[?\d]*[a-zA-Z]", "", terminal.seen).splitlines()
        assert " ".join(lines).endswith("it is corrupt; the next pass sets it aside")
        assert all(len(line) <= 40 for line in lines if "/" not in line)


@pytest.mark.parametrize("seconds", ["nan", "0", "soon"])
def test_a_watch_has_a_length_of_time_to_wait(home: Home, seconds: str) -> None:
    done = home.run("--watch", seconds)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Invalid value for '--watch'" in done.stderr


def test_a_watch_on_a_terminal_without_escape_codes_goes_on_below(home: Home) -> None:
    home.leave(account("alice", 41))
    with Terminal(home.command("--watch", "60"), home.env(TERM="dumb"), 24, 80) as terminal:
        terminal.read_until(lambda seen: "41%" in seen)
        home.leave(account("alice", 99))
        terminal.read_until(lambda seen: " 99% !!" in seen)
        assert "\x1b" not in terminal.seen
