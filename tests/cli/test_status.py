"""`cldmon status`, as it is run in a shell."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cldmon.domain.model import Account, Failure, FailureKind
from tests.cli import status_house
from tests.cli.status_house import LINE, MINUTE, account

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.status_house import Home

NEVER = {"pydantic", "slack_sdk", "playwright", "plotext", "asyncio", "http.server", "tabulate"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return status_house.at(tmp_path)


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


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (("status", *LINE), NEVER | {"logging", "email.message", "shutil"}),
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
