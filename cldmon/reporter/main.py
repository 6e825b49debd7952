"""`cldmon report` on a person's machine: what each option does."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cldmon.domain.text import replace_unprintable
from cldmon.errors import CldmonError, UsageError
from cldmon.reporter.options import STDOUT, Options, make_absolute, parse
from cldmon.reporter.state import StateFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ACTIONS = ("setup", "install", "uninstall", "status", "reset", "send", "from_cache")


def main(words: Sequence[str]) -> int | None:
    """Run `cldmon report` with these options and return the exit code.

    None if they are not options of a person's machine: click explains them.
    """
    options = parse(words)
    if options is None or options == Options():
        return None
    try:
        return run(options, os.environ)
    except CldmonError as error:
        sys.stderr.write(f"cldmon: {replace_unprintable(str(error), ' ')}\n")
        return error.exit_code


def run(options: Options, env: Mapping[str, str]) -> int:
    """Do what the options say and return the exit code. Raises `CldmonError`."""
    action, options = _find_action(options), make_absolute(options, env)
    state_file, now = StateFile(env), datetime.now(UTC)
    # Each imports only what it needs, since Claude Code waits for its status line.
    if action == "send":
        from cldmon.reporter import sender

        with suppress(CldmonError):
            sender.run(options, state_file, env, lambda: datetime.now(UTC))
        return 0
    if action == "from_cache" or (options.to == STDOUT and not action):
        from cldmon.reporter.once import report_once

        report_once(options, state_file, env, now)
        return 0
    if action:
        from cldmon.reporter import manage

        return manage.run(action, options, state_file, env, now)
    from cldmon.reporter.prompt import show_status_line

    show_status_line(options, state_file, now)
    return 0


def _find_action(options: Options) -> str:
    """Return the option that says what to do; empty for the status line. Raises `UsageError`."""
    from cldmon.domain.labels import find_label_problem

    given = [name for name in _ACTIONS if getattr(options, name)]
    if len(given) > 1:
        words = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"{words} cannot be combined")
    action = given[0] if given else ""
    needs_target = action not in ("uninstall", "status", "reset")
    if needs_target and not options.to:
        raise UsageError("give --to: the address of the server, a file, or - for stdout")
    if needs_target or action == "reset":
        if not options.account:
            raise UsageError("give --account: the label that the server has for the account")
        if problem := find_label_problem(options.account):
            raise UsageError(f"--account {problem}")
    return action
