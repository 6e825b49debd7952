"""`cldmon status`: how much was used at the last pass."""

from __future__ import annotations

import math
import os
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import click

from cldmon.cli import options
from cldmon.cli.output import detect_stdout, print_message
from cldmon.domain.labels import select_labels
from cldmon.domain.selection import ALL, GROUPS, SORTS, Selection
from cldmon.errors import CldmonError
from cldmon.terminal.formats import FORMATS, MACHINE_FORMATS, format_snapshot
from cldmon.terminal.screen import Screen
from cldmon.terminal.style import DIM, sanitize, supports_escape_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cldmon.app.app import App
    from cldmon.domain.model import Snapshot
    from cldmon.terminal.style import Terminal

DEFAULT_WATCH_SECONDS = 5
_POLL_SECONDS = 0.5
"""How often a watch checks whether a pass has ended."""


def _refuse_nan(
    _ctx: click.Context, _param: click.Parameter, seconds: float | None
) -> float | None:
    # It passes FloatRange, since every comparison with it is false.
    if seconds is not None and math.isnan(seconds):
        raise click.BadParameter("'nan' is not a number of seconds")
    return seconds


@click.command("status")
@options.account
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="`compact` has a row for each account, `line` is for tmux, prompts and status bars."
    "  [default: table, or compact if the table is longer than the terminal]",
)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option(
    "--sort",
    type=click.Choice(SORTS),
    help="By label, fullest window, or next reset; default: as in the configuration.",
)
@click.option(
    "--only",
    type=click.Choice([*GROUPS]),
    multiple=True,
    help="Only accounts at a limit, or in error; both if given twice.",
)
@click.option(
    "--watch",
    "seconds",
    metavar="[SECONDS]",
    type=click.FloatRange(min=0.1),
    is_flag=False,
    flag_value=DEFAULT_WATCH_SECONDS,
    callback=_refuse_nan,
    help="Keep running until Ctrl-C: show each new pass, and on a terminal refresh every"
    f" SECONDS ({DEFAULT_WATCH_SECONDS}).",
)
@options.server
def command(
    app: App,
    labels: tuple[str, ...],
    form: str | None,
    as_json: bool,
    sort: str | None,
    only: tuple[str, ...],
    seconds: float | None,
) -> None:
    """Show how much of each limit is used, as of the last pass.

    `!` marks a limit of 75 % or more, `!!` one of 90 % or more, and `?` a stale reading. A reset is
    "due" if its time has passed since the reading. `✗` marks an error that needs action, `↻` one
    that recovers by itself. `--json` prints what GET /api/usage returns.

    The summary covers all accounts, also those that `--only` leaves out.
    """
    output = _Output(labels, "json" if as_json else form, Selection(sort, only))
    if seconds is None:
        _print(app, _read(app, labels), output)
        return
    _read(app, labels)  # a problem at the start is an error; later ones are shown
    with suppress(KeyboardInterrupt):
        if supports_escape_codes(sys.stdout, os.environ):
            _draw_repeatedly(app, output, seconds)
        else:
            _print_changes(app, output, seconds)


class _Output(NamedTuple):
    """What to print of which accounts (no labels: all), in one of `FORMATS` or None."""

    labels: Collection[str]
    form: str | None
    selection: Selection = ALL


def show(app: App, snapshot: Snapshot, form: str | None, labels: Collection[str] = ()) -> None:
    """Print the accounts of `labels` (empty: all) in one of `FORMATS`; None is the default."""
    chosen = tuple(a for a in snapshot.accounts if not labels or a.label in labels)
    _print(app, replace(snapshot, accounts=chosen), _Output(labels, form))


def _read(app: App, labels: Collection[str]) -> Snapshot:
    from cldmon.domain.freshness import select_accounts

    return select_accounts(app.load_snapshot(), select_labels(labels, app.outline.labels))


def _print(app: App, snapshot: Snapshot, output: _Output) -> None:
    if reason := _explain_emptiness(app, snapshot):
        print_message(reason)
    if text := _format(app, snapshot, output, detect_stdout()):
        click.echo(text, color=True)


def _format(app: App, snapshot: Snapshot, output: _Output, terminal: Terminal) -> str:
    return format_snapshot(
        output.form,
        snapshot,
        app.now(),
        terminal,
        lambda: app.load_forecasts(snapshot),
        output.selection,
    )


def _explain_emptiness(app: App, snapshot: Snapshot) -> str | None:
    """Return why there is nothing to show and what to do about it, or None."""
    if not app.outline.labels:
        return app.explain_no_accounts()
    if snapshot.fetched_at is None:
        return "no readings yet; run `cldmon fetch`"
    return None


def _draw_repeatedly(app: App, output: _Output, seconds: float) -> None:
    screen = Screen(sys.stdout)
    with screen.open():
        while True:
            version = app.get_state_version()
            terminal = detect_stdout()
            title = f"{app.now().astimezone():%H:%M:%S}, every {seconds:g} s; Ctrl-C ends it"
            title = terminal.shorten(title, terminal.columns)
            # Title and blank line take two rows, and no prompt follows.
            below = terminal._replace(rows=terminal.rows and terminal.rows - 1)
            text, problem = _format_or_explain(replace(app), output, below)
            body = terminal.paragraph(problem) if problem else text
            screen.draw(f"{terminal.colourize(title, DIM)}\n\n{body}", terminal)
            _wait_for_pass(app, version, seconds, screen.wait)


def _print_changes(app: App, output: _Output, seconds: float) -> None:
    """Print again at every change: a new pass, or a reading that became stale."""
    from cldmon.domain.freshness import build_views

    last: object = None
    while True:
        version = app.get_state_version()
        fresh = replace(app)
        shown: object
        try:
            # Ages grow all the time; that is not a change.
            shown = [
                replace(each, age=None)
                for each in build_views(_read(fresh, output.labels), app.now())
            ]
        except CldmonError as error:
            shown = str(error)
        if shown != last:
            terminal = detect_stdout()
            text, problem = _format_or_explain(fresh, output, terminal)
            if problem and output.form in MACHINE_FORMATS:
                print_message(problem.removeprefix("cldmon: "))
            elif problem:
                text = sanitize(problem)
            if text:
                click.echo(text, color=True)
            last = shown
        _wait_for_pass(app, version, seconds, time.sleep)


def _format_or_explain(app: App, output: _Output, terminal: Terminal) -> tuple[str, str | None]:
    """Return the text to show, and an error or the reason that there is nothing to show."""
    try:
        snapshot = _read(app, output.labels)
        return _format(app, snapshot, output, terminal), _explain_emptiness(app, snapshot)
    except CldmonError as error:
        return "", f"cldmon: {error}"


def _wait_for_pass(
    app: App, version: object, seconds: float, wait: Callable[[float], bool | None]
) -> None:
    """Wait for `seconds`, or until a pass has replaced the state, or `wait` returns true.

    `version` is that of the state before it was read, so no pass is missed.
    """
    end = time.monotonic() + seconds
    while app.get_state_version() == version and (left := end - time.monotonic()) > 0:
        if wait(min(left, _POLL_SECONDS)):
            return
