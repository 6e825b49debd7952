"""The status line in Claude Code's settings: shown, installed, and taken out again."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cldmon import files
from cldmon.config.locate import expand_user
from cldmon.errors import ReportError
from cldmon.reporter.json_edit import find_members, remove_member, set_member
from cldmon.reporter.options import Options, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "statusLine"
PROGRAM = "cldmon"
BACKUP = ".before-cldmon"
"""Added to the name of the settings as they were before cldmon's status line."""


class Settings(NamedTuple):
    """Claude Code's settings of one person: the file, its text, and its status line."""

    path: Path
    text: str
    status_line: Mapping[str, Any]
    has_hooks: bool

    @property
    def command(self) -> str:
        """The command of the status line; empty if there is none."""
        return str(self.status_line.get("command", ""))

    @property
    def ours(self) -> Options | None:
        """The options of the status line if it is cldmon's."""
        try:
            words = shlex.split(self.command)
        except ValueError:
            return None
        number = words.index("report") if "report" in words else 0
        is_ours = number > 0 and Path(words[number - 1]).name == PROGRAM
        return parse(words[number + 1 :]) if is_ours else None


def read_settings(env: Mapping[str, str]) -> Settings:
    """Return Claude Code's settings. Raises `ReportError` or `StoreError`."""
    named = expand_user(env.get("CLAUDE_CONFIG_DIR") or "~/.claude", env) / "settings.json"
    path = Path(os.path.realpath(named))  # a link, as of a repository of settings, stays one
    content = files.read(path)
    try:
        text = (content or b"{}\n").decode()
        body = json.loads(text)
        status_line = body.get(KEY) or {}
        is_command = not status_line or isinstance(status_line.get("command"), str)
    except (ValueError, AttributeError, RecursionError):
        raise ReportError(f"{path} is not a JSON object: correct it, then try again") from None
    if not is_command:
        raise ReportError(f'{path} has a "{KEY}" without a command: correct or remove it')
    return Settings(path, text, status_line, body.get("disableAllHooks") is not True)


def make_command(settings: Settings, options: Options) -> str:
    """Return the command for the status line; it runs the one that was there before."""
    ours = settings.ours
    chain = ours.chain if ours else settings.command
    wanted = Options(options.to, options.account, options.token_file, chain)
    return shlex.join([*_find_program(), "report", *wanted.to_words()])


def install(settings: Settings, command: str) -> bool:
    """Make a command the status line; return whether that changed the settings."""
    if command == settings.command:
        return False
    if settings.path.exists() and not settings.ours:
        backup = settings.path.with_name(settings.path.name + BACKUP)
        files.replace(backup, settings.text.encode())
    _write(settings, _set_command(settings, command))
    return True


def uninstall(settings: Settings) -> bool:
    """Put back the status line that cldmon's runs, or none; return whether it was cldmon's."""
    ours = settings.ours
    if not ours:
        return False
    chained = ours.chain
    text = _set_command(settings, chained) if chained else remove_member(settings.text, KEY)
    _write(settings, text)
    return True


def _set_command(settings: Settings, command: str) -> str:
    """Return the text of the settings with another command, and the rest as it is."""
    text = settings.text
    if not settings.status_line:
        return set_member(text, KEY, {"type": "command", "command": command})
    _, value, end = find_members(text)[KEY]
    return text[:value] + set_member(text[value:end], "command", command) + text[end:]


def _write(settings: Settings, text: str) -> None:
    files.create_private_dir(settings.path.parent)
    mode = settings.path.stat().st_mode & 0o777 if settings.path.exists() else files.PRIVATE_FILE
    files.replace(settings.path, text.encode(), mode=mode)


def _find_program() -> list[str]:
    """Return the words that start this cldmon. Raises `ReportError` if it may soon be gone."""
    program = Path(sys.argv[0]).absolute()
    if program.name != PROGRAM:
        return [sys.executable, "-P", "-m", PROGRAM]
    if ".cache" in program.parts:  # of `pipx run` or `uvx`
        installed = shutil.which(PROGRAM)
        if installed is None or ".cache" in Path(installed).parts:
            raise ReportError(f"{program} is temporary: install cldmon first, e.g. with pipx")
        return [installed]
    return [str(program)]
