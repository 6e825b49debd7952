"""Read session keys and the bot token from where the configuration says they are.

Nothing read here enters a message: not the value, not what a program printed.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from cldmon import files
from cldmon.config.locate import resolve
from cldmon.config.network import find_channel_url_problem
from cldmon.domain.secret import Secret, find_wrong_token, mask_secrets, unwrap_session_key
from cldmon.errors import SecretError
from cldmon.processes import start_group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cldmon.config.schema import AccountConfig, ChannelConfig, SlackConfig, Sources

    Run = Callable[[Sequence[str], Mapping[str, str], Path], bytes]

PLACEHOLDER_KEY = "sk-ant-sid01-REPLACE-ME"
COMMAND_TIMEOUT_SECONDS = 10
API_TOKEN_VARIABLE = "CLDMON_API_TOKEN"  # noqa: S105 - not a password
"""The token for `--server`; never an option, since others can see a process's arguments."""

_KEY = re.compile(r"sk-ant-sid\d\d-[A-Za-z0-9_-]+")
_TOKEN = re.compile(r"[!-~]+")
_MAX_BYTES = 1 << 16

_places = threading.BoundedSemaphore(32)


class _UnavailableError(Exception):
    """Why a secret is unavailable, without its owner's name."""


def read_session_key(
    account: AccountConfig, env: Mapping[str, str], config_dir: Path, run: Run | None = None
) -> Secret:
    """Return an account's session key.

    A relative file counts from `config_dir`; `run` runs a program and returns what it printed.

    Raises SecretError, which names the account and says what to do.
    """
    owner = f'account "{account.label}": '
    return _read_secret(
        owner, account.sources(), env, config_dir, run, find_key_problem, unwrap_session_key
    )


def read_bot_token(slack: SlackConfig, env: Mapping[str, str], config_dir: Path) -> Secret:
    """Return Slack's bot token; as `session_key`."""
    return _read_secret("Slack: ", slack.sources(), env, config_dir, None, find_token_problem)


def read_channel_url(channel: ChannelConfig, env: Mapping[str, str], config_dir: Path) -> Secret:
    """Return the URL of a channel; as `session_key`, but errors do not name the channel."""
    return _read_secret("", channel.sources(), env, config_dir, None, find_channel_url_problem)


def read_api_token(
    file: Path | None, env: Mapping[str, str], variable: str = API_TOKEN_VARIABLE
) -> Secret | None:
    """Return a server's token, from a file or else the environment; None if there is none.

    Raises SecretError, which names the place.
    """
    place = "--token-file" if file else variable
    try:
        text = _read_file(file) if file else env.get(variable, "").strip()
    except _UnavailableError as error:
        raise SecretError(f"{place}: {error}") from error.__cause__
    if not (text or file):
        return None
    if not _TOKEN.fullmatch(text):
        raise SecretError(f"{place}: expected only the token, one word of printable ASCII")
    return Secret(text)


def find_key_problem(key: str) -> str | None:
    """Return what is wrong with a session key and what to do, or None; the key is not quoted."""
    if key == PLACEHOLDER_KEY:
        return (
            "is still the placeholder; put the account's session key there, or run `cldmon login`"
        )
    if _KEY.fullmatch(key):
        return None
    if _KEY.search(key):
        return "holds more than a session key: keep only what starts with sk-ant-sid01- or -sid02-"
    return "is not a session key: one starts with sk-ant-sid01- or sk-ant-sid02-; copy it again"


def find_token_problem(token: str) -> str | None:
    """Return what is wrong with a Slack bot token, or None; the token is not quoted."""
    if _TOKEN.fullmatch(token):
        return find_wrong_token(token)
    return "is not a Slack token: one starts with xoxb- and is a single word; copy it again"


def find_credential(name: str, env: Mapping[str, str]) -> Path | None:
    """Return the systemd credential of that name, if there is one."""
    folder = env.get("CREDENTIALS_DIRECTORY", "")
    if not folder or "/" in name or name in (".", ".."):
        return None
    path = Path(folder) / name
    try:
        return path if path.is_file() else None
    except OSError:
        return None  # e.g. a label longer than a file's name may be


def run_program(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    timeout: float = COMMAND_TIMEOUT_SECONDS,
) -> bytes:
    """Run a program without a shell and return what it printed; its stderr is discarded.

    After `timeout` seconds, or 64 KiB, it is killed, with everything it started; so it is if this
    process ends first. At most 32 run at once, however many threads ask.
    Raises OSError if it cannot start, subprocess.SubprocessError if it fails, hangs or prints more
    than that.
    """
    with (
        _places,
        start_group(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        output = _read_output(process, timeout)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "program")
    return output


def _read_output(process: subprocess.Popen[bytes], timeout: float) -> bytes:
    """Return what a program prints until it ends; raise SubprocessError for too much."""
    end = time.monotonic() + timeout
    pipe = cast("IO[bytes]", process.stdout).fileno()
    ready, output = select.poll(), b""
    ready.register(pipe)
    while ready.poll(max(0, end - time.monotonic()) * 1000):
        chunk = os.read(pipe, _MAX_BYTES)
        output += chunk
        if len(output) > _MAX_BYTES:
            raise subprocess.SubprocessError("too much output")
        if not chunk:
            process.wait(max(0, end - time.monotonic()))
            return output
    raise subprocess.TimeoutExpired("program", timeout)


def _read_secret(
    owner: str,
    sources: Sources,
    env: Mapping[str, str],
    config_dir: Path,
    run: Run | None,
    find_problem: Callable[[str], str | None],
    unwrap: Callable[[str], str] = str,
) -> Secret:
    place = next(iter(sources.given()), f"credential {sources.credential}")
    try:
        text = unwrap(_read_text(sources, env, config_dir, run or run_program))
    except _UnavailableError as error:
        raise SecretError(mask_secrets(f"{owner}{place} {error}")) from error.__cause__
    if not text:
        raise SecretError(f"{owner}{place} gave an empty string; the secret belongs there")
    if problem := find_problem(text):
        raise SecretError(f"{owner}the value from {place} {problem}")
    return Secret(text)


def _read_text(sources: Sources, env: Mapping[str, str], config_dir: Path, run: Run) -> str:
    if sources.inline is not None:
        return sources.inline.get_secret_value()
    if sources.file is not None:
        return _read_file(resolve(config_dir, sources.file, env))
    if sources.env is not None:
        if sources.env not in env:
            problem = f"names the variable {sources.env}, which is not set; export it"
            raise _UnavailableError(problem)
        return env[sources.env].strip()
    if sources.command is not None:
        return _read_command(sources.command, env, config_dir, run)
    if path := find_credential(sources.credential, env):
        return _read_file(path)
    raise _UnavailableError(f"does not exist; set {sources.name} in the configuration")


def _read_file(path: Path) -> str:
    try:
        with files.open_regular(path) as file:
            return _decode(file.read(_MAX_BYTES))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise _UnavailableError(f"{path} cannot be read: {reason}; fix or rewrite it") from error


def _read_command(argv: Sequence[str], env: Mapping[str, str], config_dir: Path, run: Run) -> str:
    try:
        lines = _decode(run(argv, env, config_dir)).splitlines()
    except subprocess.TimeoutExpired:
        problem = f"did not end within {COMMAND_TIMEOUT_SECONDS} seconds"
    except subprocess.CalledProcessError as error:
        problem = f"failed with exit code {error.returncode}"
    except subprocess.SubprocessError:
        problem = "printed more than a secret: over 64 KiB"
    except OSError as error:
        problem = f"could not be started: {error.strerror}"
    else:
        return lines[0].strip() if lines else ""
    # Without its cause: that one quotes the arguments and holds what the program printed.
    raise _UnavailableError(f"{problem}; run it by hand to see why")


def _decode(content: bytes) -> str:
    try:
        return content.decode().strip()
    except UnicodeDecodeError:
        raise _UnavailableError("is not UTF-8; write the secret again") from None
