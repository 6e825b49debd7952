"""Writes what is generated: docs/cli.md, the completion scripts, the units and the crontab line.

`scripts/docs` runs it; a test compares what it writes elsewhere with what stands there.

Usage: make.py [FOLDER]     (in place of the checkout)
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import ShellComplete, get_completion_class

from cldmon.cli import COMMANDS, cli
from cldmon.cli.completion import SHELLS
from cldmon.schedule.cron import block, framed
from cldmon.schedule.job import PACKAGED
from cldmon.schedule.systemd import Places, files

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = 78
"""As on a terminal of 80."""

INTRODUCTION = """\
# The commands of cldmon

What `cldmon COMMAND --help` says. This page is written by `scripts/docs`.

Data goes to stdout, messages to stderr. Colour is used on a terminal only, and never with
`NO_COLOR`. Exit codes: 0 done, 1 the job failed, 2 usage or configuration, 75 another pass is
running.
"""


_ASK_IN_BASH = """\
    response=$(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD """
_ASK_IN_BASH_WITHOUT_EQUALS = """\
    # bash takes `--account=al` for three words.
    local word words=()
    for word in "${COMP_WORDS[@]:0:COMP_CWORD}"; do
        [[ $word == = ]] || words+=("$word")
    done
    words+=("${COMP_WORDS[COMP_CWORD]#=}")

    response=$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) """


def generated() -> dict[Path, str]:
    """Return each generated file, relative to the checkout, and what belongs in it."""
    folder = Path("cldmon/cli/completions")
    scripts = {folder / f"cldmon.{shell}": completion(shell) for shell in SHELLS}
    return {Path("docs/cli.md"): manual(), **scripts, **contrib()}


def contrib() -> dict[Path, str]:
    """Return what `cldmon schedule` writes for an installation in the usual places."""
    systemd, cron = Path("contrib/systemd"), Path("contrib/cron/cldmon.crontab")
    folders = (systemd / "sysusers.d", systemd / "tmpfiles.d", Path("contrib/apparmor"))
    places = Places(systemd, *folders)
    return {**files(PACKAGED, places), cron: framed(block(PACKAGED))}


def manual() -> str:
    """Return docs/cli.md."""
    sections = (f"## `{name}`\n\n```text\n{text}\n```\n" for name, text in helps())
    return "\n".join([INTRODUCTION, *sections])


def helps() -> Iterator[tuple[str, str]]:
    """Yield each command with its help text, as on a terminal of 80 columns."""
    settings = {**cli.context_settings, "terminal_width": COLUMNS}
    top = click.Context(cli, info_name="cldmon", **settings)
    yield "cldmon", cli.get_help(top)
    for name, command in ((name, cli.get_command(top, name)) for name in COMMANDS):
        if command:
            below = click.Context(command, top, name, help_option_names=top.help_option_names)
            yield f"cldmon {name}", command.get_help(below)


def completion(shell: str) -> str:
    """Return a shell's completion script."""
    kind = get_completion_class(shell) or ShellComplete
    # Not the shell's own method: bash's first asks which bash is installed here.
    text = ShellComplete.source(kind(cli, {}, "cldmon", "_CLDMON_COMPLETE"))
    # Else fish would be told a description, or a label, up to its first comma only.
    text = text.replace('(string split "," ', '(string split --max 1 "," ')
    text = text.replace(_ASK_IN_BASH, _ASK_IN_BASH_WITHOUT_EQUALS)
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if sys.argv[1:] else ROOT
    for path, text in generated().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
        print(path)
