"""`cldmon guard`: an exit code that says whether enough of a limit is left."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cldmon.cli.complete import account_labels
from cldmon.domain.guard import GuardResult, GuardVerdict, check_room
from cldmon.domain.labels import select_labels
from cldmon.errors import CldmonError

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import timedelta

    from cldmon.app.app import App
    from cldmon.domain.freshness import AccountView

_POLL_SECONDS = 1.0
"""How often a wait looks for a new pass."""


@click.command("guard")
@click.argument("label", metavar="ACCOUNT", shell_complete=account_labels)
@click.option(
    "--window", "windows", metavar="WINDOW", multiple=True, help="Only 5h, 7d, …; default: all."
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
@click.pass_context
def command(
    ctx: click.Context,
    label: str,
    windows: tuple[str, ...],
    free: int,
    max_age: str | None,
    wait: str | None,
) -> None:
    """Exit with 0 if enough of ACCOUNT's limits is left, for scripts and CI jobs.

    Exit codes: 0 enough is left, 1 too little, 69 unknown (in error, reading too old, reset due),
    2 wrong usage. It prints one line.
    """
    from cldmon.domain.freshness import STALE_INTERVALS
    from cldmon.domain.ranges import parse_range

    app: App = ctx.obj
    outline = app.outline
    select_labels([label], outline.labels)
    oldest = parse_range(max_age) if max_age else outline.interval * STALE_INTERVALS
    patience = parse_range(wait).total_seconds() if wait else float("inf")
    end = None if wait is None else time.monotonic() + patience
    while True:
        verdict = _judge(app, label, windows, free, oldest)
        if verdict.result is GuardResult.ENOUGH or end is None or time.monotonic() >= end:
            break
        time.sleep(min(_POLL_SECONDS, max(0.0, end - time.monotonic())))
    click.echo(f"{label}: {_format(verdict, app)}")
    ctx.exit(verdict.result)


def _judge(
    app: App, label: str, windows: tuple[str, ...], free: int, max_age: timedelta
) -> GuardVerdict:
    """Return the verdict on the last pass; a file that cannot be read gives none."""
    from cldmon.domain.freshness import build_views, select_accounts

    try:
        views = build_views(select_accounts(replace(app).snapshot(), [label]), app.now())
    except Exception as error:  # exit code 1 would mean that too little is left
        reason = (
            str(error) if isinstance(error, CldmonError) else f"unexpected {type(error).__name__}"
        )
        return GuardVerdict(GuardResult.UNKNOWN, reason)
    if not views:
        return GuardVerdict(GuardResult.UNKNOWN, "nothing was read yet")
    return check_room(views[0], _resolve(views[0], windows), free, max_age)


def _resolve(account: AccountView, windows: tuple[str, ...]) -> Collection[str] | None:
    """Return the names of the windows that the options mean; None for all."""
    from cldmon.domain.model import FIVE_HOUR, SEVEN_DAY
    from cldmon.domain.series import resolve_windows

    if not windows or "all" in windows:
        return None
    known = dict.fromkeys([FIVE_HOUR, SEVEN_DAY, *(each.name for each in account.windows)])
    return resolve_windows(windows, known)


def _format(verdict: GuardVerdict, app: App) -> str:
    if verdict.until is None or verdict.until <= app.now():
        return verdict.reason
    from cldmon.terminal.times import format_clock, format_countdown

    clock = format_clock(verdict.until, app.now(), None)
    return f"{verdict.reason}, resets {clock} in {format_countdown(verdict.until - app.now())}"
