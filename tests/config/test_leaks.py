"""No secret is in an error, a repr or a traceback, wherever in the configuration it was put."""

from __future__ import annotations

import subprocess
import traceback
from typing import TYPE_CHECKING

import pytest

from cldmon.config import document
from cldmon.config.load import load, read
from cldmon.config.outline import read_outline
from cldmon.config.secrets import read_bot_token, read_channel_url, read_session_key
from cldmon.errors import CldmonError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

KEY = "sk-ant-sid01-MARKER"
TOKEN = "xoxb-123-MARKER"

BROKEN = [
    f"session_key = {KEY}",
    f'session_key = "{KEY}',
    f'"{KEY}" = 1',
    f'["{KEY}"]\n["{KEY}"]',
    f'["{KEY}"]\na = 1\na = 2',
    f'session_key = "{KEY}"\nsession_key = "{KEY}"',
    f'sesion_secret = "MARKER"\nport = "{KEY}"',
    'session_secret = "MAR KER MARKER"',
    "session_secret = ['MARKER']",
    'api_token = "MARKER MARKER"',
    f'host = "{KEY} "',
    f'allowed_hosts = [["{KEY}"]]',
    f'login = "{KEY}"',
    f'fetch_interval_minutes = "{KEY}"',
    'claude_url = "https://user:MARKER@example.org"',
    'claude_url = "http://example.org/MARKER"',
    '[health]\nping_url = "MARKER"',
    f'[browser]\nconcurrency = "{KEY}"',
    f'[notifications]\nreset_rule = "{TOKEN}"',
    f'[notifications.slack]\nenabled = "{TOKEN}"',
    f'[notifications.slack]\nbot_token = ["{TOKEN}"]',
    f'[notifications.slack]\nenabled = true\nbot_token = "{TOKEN} x"',
    f'[notifications.slack]\nbot_token_file = "{TOKEN}"',
    f'[notifications.slack]\nbot_token = "{TOKEN}"\nbot_token_env = "{TOKEN}"',
    '[notifications.slack]\nbot_token = "xoxp-MARKER"',
    '[notifications.slack]\nbot_token = "https://hooks.slack.com/services/MARKER"',
    '[[notifications.channels]]\nurl = "MARKER"',
    '[[notifications.channels]]\nurl = "ntfy://MARKER\\u0000"',
    '[[notifications.channels]]\nurl = ["ntfy://MARKER"]',
    '[[notifications.channels]]\nurl = "ntfy://MARKER"\nslack = "C1"',
    '[[notifications.channels]]\nurl_file = "ntfy://MARKER"',
    '[[notifications.channels]]\nurl_env = "ntfy://MARKER"',
    f'[[notifications.channels]]\nslack = "{TOKEN}"',
    f'[[notifications.channels]]\nname = "{TOKEN}"\nslack = "C1"',
    f'[[notifications.channels]]\nslack = "C1"\naccounts = ["{KEY}"]',
    f'[[notifications.channels]]\nslack = "C1"\nevents = ["{KEY}"]',
    '[[notifications.channels]]\ncommand = "echo \'MARKER"',
    f'accounts = ["{KEY}"]',
    f'[accounts]\nsession_key = "{KEY}"',
    f'[[accounts]]\nsession_key = "{KEY}"',
    f'[[accounts]]\nlabel = "a"\nsession_key = ["{KEY}"]',
    f'[[accounts]]\nlabel = "a"\nsession_key = "{KEY} x"',
    '[[accounts]]\nlabel = "a"\nsession_key = "MARKER"',
    f'[[accounts]]\nlabel = "a"\nsession_keys = "{KEY}"',
    f'[[accounts]]\nlabel = "a"\nsession_key_file = "{KEY}"',
    f'[[accounts]]\nlabel = "a"\nsession_key_env = "{KEY}"',
    f'[[accounts]]\nlabel = "a"\nsession_key_command = "{KEY}"',
    f'[[accounts]]\nlabel = "a"\nsession_key_command = "echo \'{KEY}"',
    f'[[accounts]]\nlabel = "a"\nsession_key = "{KEY}"\nsession_key_env = "A"',
    f'[[accounts]]\nlabel = "a"\nsession_key = "{KEY}"\norganization = "{KEY}"',
    f'[[accounts]]\nlabel = "{KEY}"',
    f'[[accounts]]\nlabel = "{KEY}"\n[[accounts]]\nlabel = "{KEY}"',
    f'x = "{KEY}"\n\udcff',
]


def list_problems(error: BaseException) -> str:
    """Return all that a traceback, as `--debug` prints it, and the exception's repr show."""
    return "".join(traceback.format_exception(error)) + repr(error)


def outlined(path: Path) -> str:
    """Return what reading the outline tells; it may well find nothing wrong."""
    try:
        read_outline(path, None, {})
    except CldmonError as error:
        return list_problems(error)
    return ""


@pytest.mark.parametrize("text", BROKEN)
def test_no_error_about_a_config_shows_a_secret(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(CldmonError) as caught:
        load(path, {})
    assert "MARKER" not in list_problems(caught.value)
    assert "MARKER" not in outlined(path)


def test_no_repr_of_a_config_shows_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        'session_secret = "MARKER"\napi_token = "MARKER"\n'
        f'[notifications.slack]\nenabled = true\nbot_token = "{TOKEN}"\n'
        '[[notifications.channels]]\nurl = "ntfy://user:MARKER@example.org"\n'
        '[[notifications.channels]]\ncommand = "notify MARKER"\n'
        '[health]\nping_url = "https://hc-ping.com/MARKER"\n'
        f'[[accounts]]\nlabel = "a"\nsession_key = "{KEY}"\n'
        f'[[accounts]]\nlabel = "b"\nsession_key_command = "echo {KEY}"\n'
    )
    config = load(path, {})
    account, slack = config.accounts[0], config.notifications.slack
    shown = [config, account, account.sources(), slack.sources(), document.read(path)]
    shown += [config.accounts[1], config.accounts[1].sources()]
    for channel in config.notifications.named_channels.values():
        shown += [channel, channel.sources()]
        if channel.kind == "apprise":
            shown.append(read_channel_url(channel, {}, tmp_path))
    shown += [read_session_key(account, {}, tmp_path), read_bot_token(slack, {}, tmp_path)]
    assert "MARKER" not in "".join(f"{value}{value!r}" for value in shown)


def fails(error: Exception) -> Callable[[Sequence[str], Mapping[str, str], Path], bytes]:
    def run(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> bytes:
        raise error

    return run


@pytest.mark.parametrize(
    "run",
    [
        fails(subprocess.TimeoutExpired(["x", "MARKER"], 10, output=b"MARKER")),
        fails(subprocess.CalledProcessError(3, ["x", "MARKER"], output=b"MARKER")),
        fails(FileNotFoundError(2, "No such file", "MARKER")),
        lambda *_: b"MARKER",
        lambda *_: b"MARKER \xff",
        lambda *_: f"{KEY} x".encode(),
    ],
)
def test_no_error_about_a_program_shows_its_arguments_or_output(
    tmp_path: Path, run: Callable[..., bytes]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[[accounts]]\nlabel = "a"\nsession_key_command = "x MARKER"\n')
    with pytest.raises(CldmonError) as caught:
        read_session_key(read(path).accounts[0], {}, tmp_path, run)
    assert "MARKER" not in list_problems(caught.value)


@pytest.mark.parametrize("content", [b"MARKER", b"MARKER \xff", f"{KEY} x".encode()])
def test_no_error_about_a_file_or_a_variable_shows_what_is_in_it(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "k").write_bytes(content)
    path = tmp_path / "config.toml"
    path.write_text(
        '[[accounts]]\nlabel = "a"\nsession_key_file = "k"\n'
        '[[accounts]]\nlabel = "b"\nsession_key_env = "K"\n'
    )
    for account in read(path).accounts:
        with pytest.raises(CldmonError) as caught:
            read_session_key(account, {"K": content.decode(errors="replace")}, tmp_path)
        assert "MARKER" not in list_problems(caught.value)
