"""`cldmon status`: how much is used, as the last pass saw it."""

from __future__ import annotations

import math
import os
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cldmon.cli import complain, options
from cldmon.errors import CldmonError
from cldmon.store.latest import state_path
from cldmon.terminal.formats import FORMATS, MACHINE_FORMATS, format_snapshot
from cldmon.terminal.screen import Screen
from cldmon.terminal.style import DIM, detect_terminal, sanitize, supports_escape_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cldmon.app import App
    from cldmon.domain.model import Snapshot

DEFAULT_WATCH_SECONDS = 5
_GLANCE_SECONDS = 0.5
"""How often a watch looks whether a pass has ended."""


def _number(_ctx: click.Context, _param: click.Parameter, seconds: float | None) -> float | None:
    """Refuse what compares with nothing, so that a range lets it pass."""
    if seconds is not None and math.isnan(seconds):
        raise click.BadParameter("'nan' is not a number of seconds")
    return seconds


@click.command("status")
@options.account
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="`line` is for tmux, prompts and status bars.",
)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option(
    "--watch",
    "seconds",
    metavar="[SECONDS]",
    type=click.FloatRange(min=0.1),
    is_flag=False,
    flag_value=DEFAULT_WATCH_SECONDS,
    callback=_number,
    help="Go on until Ctrl-C: show each new pass, and on a terminal the time every SECONDS"
    f" ({DEFAULT_WATCH_SECONDS}).",
)
@click.pass_obj
def command(
    app: App, labels: tuple[str, ...], form: str, as_json: bool, seconds: float | None
) -> None:
    """Show how much of each limit is used, as the last pass saw it.

    `!` marks a limit from 75 % on, `!!` from 90 %; `?` a reading too old to be live. A reset is
    "due" where its time has come since the reading. `--json` is what GET /api/usage answers.
    """
    form = "json" if as_json else form
    if seconds is None:
        _print(app, app.shown(labels), form)
    else:
        with suppress(KeyboardInterrupt):  # the way to end it
            _watch(app, labels, form, seconds)


def show(app: App, snapshot: Snapshot, form: str, labels: Collection[str] = ()) -> None:
    """Print the accounts of `labels` (none: every account) in one of `FORMATS`."""
    chosen = tuple(a for a in snapshot.accounts if not labels or a.label in labels)
    _print(app, replace(snapshot, accounts=chosen), form)


def _print(app: App, snapshot: Snapshot, form: str) -> None:
    if nothing := _nothing(app, snapshot):
        complain(nothing)
    if text := _text(app, snapshot, form):
        click.echo(text, color=True)


def _text(app: App, snapshot: Snapshot, form: str) -> str:
    here = detect_terminal(sys.stdout, os.environ)
    return format_snapshot(form, snapshot, app.now(), here, lambda: app.forecasts(snapshot))


def _nothing(app: App, snapshot: Snapshot) -> str | None:
    """Return why there is nothing to show, and what to do, or None."""
    if not app.outline.labels:
        return f"no account is configured; add [[accounts]] to {app.config_path}"
    if snapshot.fetched_at is None:
        return "nothing was read yet; run `cldmon fetch`"
    return None


def _watch(app: App, labels: Collection[str], form: str, seconds: float) -> None:
    app.shown(labels)  # what is wrong from the start is an error, not a thing to watch
    if supports_escape_codes(sys.stdout, os.environ):
        _draw(app, labels, form, seconds)
    else:
        _tell(app, labels, form, seconds)


def _draw(app: App, labels: Collection[str], form: str, seconds: float) -> None:
    """Draw in place, for ever."""
    screen = Screen(sys.stdout)
    with screen.open():
        while True:
            before = _mark(app)
            here = detect_terminal(sys.stdout, os.environ)
            title = f"{app.now().astimezone():%H:%M:%S}, every {seconds:g} s; Ctrl-C ends it"
            text = _current(replace(app), labels, form, here.paragraph)
            title = here.shorten(title, here.columns)
            screen.draw(f"{here.paint(title, DIM)}\n\n{text}", here)
            _rest(app, before, seconds, screen.wait)


def _current(app: App, labels: Collection[str], form: str, written: Callable[[str], str]) -> str:
    """Return what is to be seen now, be it trouble, whose words are to be `written`."""
    try:
        snapshot = app.shown(labels)
        nothing = _nothing(app, snapshot)
        return (nothing and written(nothing)) or _text(app, snapshot, form)
    except CldmonError as error:
        return written(f"cldmon: {error}")


def _tell(app: App, labels: Collection[str], form: str, seconds: float) -> None:
    """Print what is new, for ever: each pass, and a reading that has grown old."""
    written = _aside if form in MACHINE_FORMATS else sanitize
    last: object = None
    while True:
        before = _mark(app)
        fresh = replace(app)
        news = _news(fresh, labels)
        if news != last:
            if text := _current(fresh, labels, form, written):
                click.echo(text, color=True)
            last = news
        _rest(app, before, seconds, time.sleep)


def _aside(words: str) -> str:
    """Say on stderr what is no data, and leave nothing of it to be shown."""
    complain(words.removeprefix("cldmon: "))
    return ""


def _news(app: App, labels: Collection[str]) -> object:
    """Return what has to change for there to be something new: not the mere age of readings."""
    from cldmon.domain.freshness import view

    try:
        return [replace(seen, age=None) for seen in view(app.shown(labels), app.now())]
    except CldmonError as error:
        return str(error)


def _rest(app: App, before: object, seconds: float, rest: Callable[[float], bool | None]) -> None:
    """Wait until the time is up, a pass has ended, or `rest` says that it is time.

    `before` is the mark that the state had before it was last shown: what ended meanwhile is news.
    """
    end = time.monotonic() + seconds
    while _mark(app) == before and (left := end - time.monotonic()) > 0:
        if rest(min(left, _GLANCE_SECONDS)):
            return


def _mark(app: App) -> object:
    """Return what differs between two versions of the state; None where there is none."""
    try:
        status = state_path(app.outline.data_dir).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
