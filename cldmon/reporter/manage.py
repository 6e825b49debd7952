"""Set up reporting, and show its status: `--setup`, `--install`, `--uninstall`, `--status`."""

from __future__ import annotations

import json
import sys
from getpass import getpass
from typing import TYPE_CHECKING, Any

from cldmon import files
from cldmon.domain.instants import format_optional
from cldmon.domain.text import replace_unprintable
from cldmon.errors import SecretError, UsageError
from cldmon.reporter import settings as claude_settings
from cldmon.reporter.delivery import (
    TOKEN_VARIABLE,
    check_server,
    find_token_file,
    read_token,
)
from cldmon.reporter.options import STDOUT, is_url
from cldmon.reporter.readings import Progress
from cldmon.reporter.status_line import format_line
from cldmon.terminal.times import format_age

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from cldmon.reporter.options import Options
    from cldmon.reporter.state import State, StateFile


def run(
    action: str, options: Options, state_file: StateFile, env: Mapping[str, str], now: datetime
) -> int:
    """Do what an option says and return the exit code. Raises `CldmonError`."""
    if action == "status":
        return _show_status(state_file, now, as_json=options.json)
    if action == "reset":
        state_file.change(options.account, now, lambda _: Progress())
        _say(f"{options.account}: forgotten; the next report may be of another account")
    elif action == "setup":
        _set_up(options, env)
    elif action == "install":
        _install(options, state_file, env, now)
    else:
        _uninstall(env)
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"{replace_unprintable(text, ' ')}\n")


def _set_up(options: Options, env: Mapping[str, str]) -> None:
    found = claude_settings.read_settings(env)
    command = claude_settings.make_command(found, options)
    status_line = {"type": "command", **found.status_line, "command": command}
    print(json.dumps({claude_settings.KEY: status_line}, indent=2, ensure_ascii=False))
    _say(f"Put this into {found.path}, or run the same with --install in place of --setup.")


def _install(
    options: Options, state_file: StateFile, env: Mapping[str, str], now: datetime
) -> None:
    if options.to == STDOUT:
        raise UsageError("--to -: a status line reports to a server or a file")
    if is_url(options.to):
        check_server(options.to)
        _require_token(options, env)
    found = claude_settings.read_settings(env)
    command = claude_settings.make_command(found, options)
    if claude_settings.install(found, command):
        _say(f"Claude Code's status line is now cldmon's: {found.path}")
        if found.command and not found.ours:
            _say(f"It also runs the one that was there before: {found.command}")
    else:
        _say(f"Nothing to do: it is in {found.path} already.")
    if not found.has_hooks:
        _say('But "disableAllHooks" is true there, which disables status lines too.')
    # What was refused before may be accepted now.
    state_file.change(options.account, now, lambda each: each._replace(retry_at=None))
    _say("Numbers appear with Claude Code's next answer. To check: cldmon report --status")


def _require_token(options: Options, env: Mapping[str, str]) -> None:
    """Check that there is a token; ask for it on a terminal, and store it."""
    file = find_token_file(options.token_file, env)
    has_variable = bool(env.get(TOKEN_VARIABLE)) and not options.token_file
    if not has_variable and not file.exists() and sys.stdin.isatty():
        text = getpass(f"Token for {options.account} (not shown): ").strip()
        if not text:
            raise SecretError("no token was given")
        files.create_private_dir(file.parent)
        files.replace(file, text.encode() + b"\n")
    read_token(options.token_file, env)


def _uninstall(env: Mapping[str, str]) -> None:
    found = claude_settings.read_settings(env)
    if claude_settings.uninstall(found):
        _say(f"Claude Code's status line is as it was before: {found.path}")
    else:
        _say(f"Nothing to do: the status line in {found.path} is not cldmon's.")


def _show_status(state_file: StateFile, now: datetime, *, as_json: bool) -> int:
    """Print what was reported and what went wrong; return 1 if the last attempt failed."""
    state = state_file.load(now)
    if as_json:
        print(json.dumps(_to_json(state), indent=2, ensure_ascii=False))
    elif not state.accounts:
        _say("nothing has been reported from here yet: see cldmon report --help")
    else:
        for label, progress in state.accounts.items():
            print("\n".join(_describe(label, progress, now)))
    return int(any(each.error for each in state.accounts.values()))


def _describe(label: str, progress: Progress, now: datetime) -> Iterator[str]:
    newest, sent_at = progress.newest, progress.sent_at
    yield replace_unprintable(f"{label} → {progress.to or '?'}", " ")
    if newest and newest.read_at:
        yield f"  {format_line(newest.windows)}, read {format_age(now - newest.read_at)}"
    else:
        yield "  no usage known yet"
    yield f"  sent {format_age(now - sent_at)}" if sent_at else "  not sent yet"
    if progress.error:
        at = progress.attempted_at
        when = f", {format_age(now - at)}" if at else ""
        yield replace_unprintable(f"  error{when}: {progress.error}", " ")


def _to_json(state: State) -> dict[str, Any]:
    accounts = [
        {
            "account": label,
            "to": progress.to,
            "windows": [each.to_json() for each in newest.windows] if newest else [],
            "readAt": format_optional(newest.read_at) if newest else None,
            "sentAt": format_optional(progress.sent_at),
            "attemptedAt": format_optional(progress.attempted_at),
            "retryAt": format_optional(progress.retry_at),
            "error": progress.error,
        }
        for label, progress in state.accounts.items()
        for newest in [progress.newest]
    ]
    return {"machine": state.machine, "accounts": accounts}
