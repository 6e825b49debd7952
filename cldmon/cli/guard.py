"""`cldmon guard`: an exit code that says whether enough of a limit is left."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cldmon.cli import options
from cldmon.cli.complete import complete_labels
from cldmon.cli.output import detect_stdout, print_message, silence_stdout
from cldmon.domain.guard import GuardResult, GuardVerdict, check_room
from cldmon.domain.labels import select_labels
from cldmon.errors import CldmonError, ConfigError, SecretError, ServerRefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from cldmon.app.app import App


@click.command("guard")
@click.argument("label", metavar="ACCOUNT", shell_complete=complete_labels)
@click.option(
    "--window",
    "windows",
    metavar="WINDOW",
    multiple=True,
    help="Only 5h, 7d, Fable, …, as `status` calls them; default: all.",
)
@click.option(
    "--free",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Percent that must be left.",
)
@click.option("--max-age", metavar="SPAN", help="Oldest reading to trust; default: 3 intervals.")
@click.option(
    "--wait",
    metavar="[SPAN]",
    is_flag=False,
    flag_value="",
    help="Wait until enough is left, at most SPAN.",
)
@options.server
def command(
    app: App,
    label: str,
    windows: tuple[str, ...],
    free: int,
    max_age: str | None,
    wait: str | None,
) -> None:
    """Exit with 0 if enough of ACCOUNT's limits is left, for scripts and CI jobs.

    Exit codes: 0 enough is left, 1 too little, 69 unknown (in error, reading too old, reset due,
    server not reached), 2 wrong usage or configuration. It prints one line.

    --wait ends early if waiting cannot help, as with an expired session key.
    """
    from cldmon.domain.instants import format_clock
    from cldmon.domain.ranges import parse_option

    oldest = parse_option("--max-age", max_age) if max_age else None
    patience = parse_option("--wait", wait) if wait else None
    end = time.monotonic() + (patience.total_seconds() if patience else float("inf"))
    verdict = _judge(app, label, windows, free, oldest)
    if wait is not None and verdict.may_change and sys.stderr.isatty():
        now = app.now()
        most = f", until {format_clock(now + patience, now, None)} at most" if patience else ""
        print_message(f"{_format(label, verdict, app)}; waiting{most}")
    while wait is not None and verdict.may_change and (left := end - time.monotonic()) > 0:
        time.sleep(min(app.poll_seconds, left))
        app = replace(app)
        verdict = _judge(app, label, windows, free, oldest)
    try:
        click.echo(_format(label, verdict, app))
    except OSError:
        silence_stdout()  # the exit code says it, too
    click.get_current_context().exit(verdict.result)


def _judge(
    app: App, label: str, windows: Sequence[str], free: int, max_age: timedelta | None
) -> GuardVerdict:
    """Return the verdict on the last pass; what cannot be read gives none.

    Raises UsageError or ConfigError.
    """
    from cldmon.domain.freshness import STALE_INTERVALS, build_views, select_accounts
    from cldmon.domain.series import resolve_options

    try:
        [label] = select_labels([label], app.outline.labels)
        snapshot = app.load_snapshot()
        views = build_views(select_accounts(snapshot, [label]), app.now())
        if not (views and views[0].reading):
            return GuardVerdict(GuardResult.UNKNOWN, "no reading yet")
        chosen = resolve_options(windows, snapshot)
        oldest = max_age or app.outline.interval * STALE_INTERVALS
        return check_room(views[0], chosen, free, oldest)
    except (UsageError, ConfigError):
        raise
    except CldmonError as error:
        is_final = isinstance(error, SecretError | ServerRefusedError)
        return GuardVerdict(GuardResult.UNKNOWN, str(error), is_final=is_final)
    except Exception as error:  # exit code 1 would mean that too little is left
        return GuardVerdict(GuardResult.UNKNOWN, f"unexpected {type(error).__name__}")


def _format(label: str, verdict: GuardVerdict, app: App) -> str:
    from cldmon.domain.instants import format_clock
    from cldmon.terminal.times import format_countdown

    text = f"{label}: {verdict.reason}"
    if verdict.until and verdict.until > app.now():
        clock = format_clock(verdict.until, app.now(), None)
        text += f", resets {clock} in {format_countdown(verdict.until - app.now())}"
    return detect_stdout().clean(text)
