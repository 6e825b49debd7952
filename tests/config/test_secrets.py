"""Where session keys and the bot token come from, and what is said when they do not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from cldmon.config import secrets
from cldmon.config.schema import AccountConfig, SlackConfig
from cldmon.domain.secret import Secret
from cldmon.errors import SecretError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEY = "sk-ant-sid02-abc_DEF-123"
PRINT_KEY = (sys.executable, "-c", f"print('{KEY}'); print('more')")


def account(**keys: Any) -> AccountConfig:
    return AccountConfig(label="alice", **keys)


def error_of(given: AccountConfig, env: Mapping[str, str], folder: Path, **options: Any) -> str:
    with pytest.raises(SecretError) as caught:
        secrets.read_session_key(given, env, folder, **options)
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_key_comes_from_the_config_itself(tmp_path: Path) -> None:
    assert secrets.read_session_key(account(session_key=SecretStr(KEY)), {}, tmp_path) == Secret(
        KEY
    )


@pytest.mark.parametrize("content", [KEY, f"{KEY}\n", f"  {KEY}\r\n\n"])
def test_a_key_comes_from_a_file_beside_the_config(tmp_path: Path, content: str) -> None:
    (tmp_path / "alice.key").write_bytes(content.encode())
    given = account(session_key_file="alice.key")
    assert secrets.read_session_key(given, {}, tmp_path) == Secret(KEY)


def test_a_key_file_may_be_named_from_home_or_from_the_root(tmp_path: Path) -> None:
    (tmp_path / "k").write_text(KEY)
    for name in ("~/k", str(tmp_path / "k")):
        given = account(session_key_file=name)
        assert secrets.read_session_key(given, {"HOME": str(tmp_path)}, Path("/")) == Secret(KEY)


def test_a_key_comes_from_the_environment(tmp_path: Path) -> None:
    given = account(session_key_env="ALICE_KEY")
    assert secrets.read_session_key(given, {"ALICE_KEY": f"{KEY} "}, tmp_path) == Secret(KEY)


def test_a_key_is_the_first_line_that_a_program_prints(tmp_path: Path) -> None:
    assert secrets.read_session_key(account(session_key_command=PRINT_KEY), {}, tmp_path) == Secret(
        KEY
    )


def test_a_program_starts_without_a_shell_in_the_configs_folder(tmp_path: Path) -> None:
    seen: list[object] = []

    def run(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> bytes:
        seen.extend((argv, env, cwd))
        return KEY.encode()

    given = account(session_key_command="show '$HOME; x' y")
    secrets.read_session_key(given, {"A": "b"}, tmp_path, run)
    assert seen == [("show", "$HOME; x", "y"), {"A": "b"}, tmp_path]


def test_a_relative_program_is_found_beside_the_config(tmp_path: Path) -> None:
    program = tmp_path / "key"
    program.write_text(f"#!/bin/sh\necho {KEY}\n")
    program.chmod(0o700)
    given = account(session_key_command=["./key"])
    assert secrets.read_session_key(given, {}, tmp_path) == Secret(KEY)


def test_a_key_comes_from_systemds_credentials(tmp_path: Path) -> None:
    (tmp_path / "alice").write_text(f"{KEY}\n")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert secrets.read_session_key(account(), env, Path("/")) == Secret(KEY)


def test_what_the_config_says_comes_before_systemds_credentials(tmp_path: Path) -> None:
    (tmp_path / "alice").write_text("sk-ant-sid01-other")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    given = account(session_key=SecretStr(KEY))
    assert secrets.read_session_key(given, env, tmp_path) == Secret(KEY)


@pytest.mark.parametrize("name", ["sessionKey", "sessionKeyV3"])
def test_a_key_may_come_with_the_name_of_its_cookie(tmp_path: Path, name: str) -> None:
    cookie = f"{name}={KEY}"
    (tmp_path / "alice").write_text(f"{cookie}\n")
    env = {"COOKIE": cookie, "PATH": "/usr/bin:/bin", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    for keys in (
        {"session_key": SecretStr(cookie)},
        {"session_key_file": "alice"},
        {"session_key_env": "COOKIE"},
        {"session_key_command": ["echo", cookie]},
        {},
    ):
        assert secrets.read_session_key(account(**keys), env, tmp_path) == Secret(KEY)


@pytest.mark.parametrize("label", ["../outside", "..", ".", "a/b", "x" * 80 + "é" * 100])
def test_a_label_never_leads_out_of_the_credentials_folder(tmp_path: Path, label: str) -> None:
    (tmp_path / "outside").write_text(KEY)
    (tmp_path / "in").mkdir()
    assert secrets.find_credential(label, {"CREDENTIALS_DIRECTORY": str(tmp_path / "in")}) is None


def test_many_programs_run_side_by_side_and_not_more_than_32(tmp_path: Path) -> None:
    """Where fewer did, these would wait for each other until their time is over."""
    count = f"""
cd {tmp_path}
: > $$
until set -- *; [ $# -ge 32 ]; do sleep 0.1; done
sleep 0.5
set -- *
echo $#
"""
    shell = ["/bin/sh", "-c", count]
    with ThreadPoolExecutor(40) as threads:
        runs = [
            threads.submit(secrets.run_program, shell, os.environ, tmp_path, timeout=60)
            for _ in range(40)
        ]
        assert min(int(run.result()) for run in runs) == 32


def test_the_bot_token_has_the_same_sources(tmp_path: Path) -> None:
    (tmp_path / "slack-bot-token").write_text("xoxb-1\n")
    (tmp_path / "t").write_text("xoxb-2")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path), "TOKEN": "xoxb-3"}
    wanted = [
        (SlackConfig(), "xoxb-1"),
        (SlackConfig(bot_token_file="t"), "xoxb-2"),
        (SlackConfig(bot_token_env="TOKEN"), "xoxb-3"),
        (SlackConfig(bot_token=SecretStr("xoxb-4")), "xoxb-4"),
    ]
    for slack, token in wanted:
        assert secrets.read_bot_token(slack, env, tmp_path) == Secret(token)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, 'account "alice": credential alice does not exist; set session_key in the config'),
        ({"session_key_file": "no"}, 'account "alice": session_key_file /'),
        ({"session_key_file": "."}, "cannot be read: Is a directory; fix or rewrite it"),
        (
            {"session_key_file": "empty"},
            "session_key_file gave an empty string; the secret belongs",
        ),
        ({"session_key_file": "binary"}, "session_key_file is not UTF-8"),
        ({"session_key_file": "wrong"}, "value from session_key_file is not a session key: one st"),
        ({"session_key_env": "NO"}, "session_key_env names the variable NO, which is not set; e"),
        ({"session_key_env": "EMPTY"}, "session_key_env gave an empty string"),
        ({"session_key_command": ["/no/such"]}, "could not be started: No such file or directory"),
        ({"session_key_command": ["false"]}, "failed with exit code 1; run it by hand to see why"),
        ({"session_key_command": ["true"]}, "session_key_command gave an empty string"),
        (
            {"session_key": SecretStr(secrets.PLACEHOLDER_KEY)},
            "session_key is still the placeholder; put the account's session key there",
        ),
    ],
)
def test_a_key_that_is_not_to_be_had_is_reported_with_account_and_fix(
    tmp_path: Path, keys: dict[str, Any], said: str
) -> None:
    for name, content in {"empty": b"\n", "binary": b"\xff", "wrong": b"hello"}.items():
        (tmp_path / name).write_bytes(content)
    error = error_of(account(**keys), {"EMPTY": "", "PATH": "/usr/bin:/bin"}, tmp_path)
    assert error.startswith('account "alice": ')
    assert said in error


def test_a_program_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    def hang(argv: Sequence[str], *_: object) -> bytes:
        raise subprocess.TimeoutExpired(argv, 10, output=KEY.encode())

    error = error_of(account(session_key_command=["x"]), {}, tmp_path, run=hang)
    assert "session_key_command did not end within 10 seconds; run it by hand" in error


def test_a_program_that_is_given_up_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    """Else each pass would leave another one behind."""
    script = "sleep 600 & echo $! > pid; wait"
    with pytest.raises(subprocess.TimeoutExpired):
        secrets.run_program(["/bin/sh", "-c", script], {"PATH": "/usr/bin:/bin"}, tmp_path, 0.5)
    stat = Path("/proc", (tmp_path / "pid").read_text().strip(), "stat")
    while stat.exists() and " Z " not in stat.read_text():
        time.sleep(0.01)


@pytest.mark.parametrize("flood", ["yes", "cat /dev/zero", "yes & sleep 600"])
def test_a_program_that_prints_without_end_fills_no_memory(tmp_path: Path, flood: str) -> None:
    error = error_of(
        account(session_key_command=["/bin/sh", "-c", flood]), {"PATH": "/usr/bin:/bin"}, tmp_path
    )
    assert "session_key_command printed more than a secret: over 64 KiB; run it by hand" in error


def test_a_program_that_closes_its_output_and_goes_on_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        secrets.run_program(["/bin/sh", "-c", "exec >&-; sleep 600"], {}, tmp_path, 0.5)


def test_a_program_cannot_ask_and_its_complaints_are_dropped(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = f"import sys; sys.stderr.write('{KEY}'); sys.exit(len(sys.stdin.read()) + 3)"
    error = error_of(account(session_key_command=[sys.executable, "-c", code]), {}, tmp_path)
    assert "exit code 3" in error
    assert capfd.readouterr() == ("", "")
