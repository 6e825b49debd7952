"""`cldmon fetch`: one pass."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cldmon.cli import complain, options
from cldmon.terminal.style import supports_escape_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from cldmon.app import App
    from cldmon.collector import Outcome


@click.command("fetch")
@options.account
@click.option("--strict", is_flag=True, help="Exit with 1 if any account could not be read.")
@click.option("--json", "as_json", is_flag=True, help="Print what status --json then shows.")
@click.option("--no-notify", is_flag=True, help="Leave Slack messages to the next pass.")
@click.pass_obj
def command(
    app: App, labels: tuple[str, ...], strict: bool, as_json: bool, no_notify: bool
) -> None:
    """Read every account once, store the readings, tell who asked to be told.

    Says nothing when all is well and nobody looks, as cron likes it. An account whose Cloudflare
    challenge did not let the browser pass is asked in every third pass only, but always where it is
    named and from a terminal. Exits with 1 if no account could be read, with 75 if another pass is
    running.
    """
    if warning := app.permissions_warning():
        complain(warning)
    with _warnings_after() as warn, _progress(len(labels or app.outline.labels)) as done:
        outcome = app.fetch(
            labels, notify=not no_notify, by_hand=_is_by_hand(), done=done, warn=warn
        )
    _report(app, outcome, as_json=as_json)
    outcome.raise_if_failed(strict=strict)


def _is_by_hand() -> bool:
    """Return whether a person has started the pass, not a timer."""
    return any(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


@contextmanager
def _warnings_after() -> Iterator[Callable[[str], None]]:
    """Hold warnings back until the block has ended, so that they don't break the progress bar."""
    said: list[str] = []
    try:
        yield said.append
    finally:
        for line in said:
            complain(line)


@contextmanager
def _progress(accounts: int) -> Iterator[Callable[[str], None]]:
    """Draw a progress bar on stderr while the block runs, if a person looks."""
    hidden = not supports_escape_codes(sys.stderr, os.environ)
    # Accounts are read side by side: when the first is done says nothing about the last.
    with click.progressbar(
        length=accounts, label="Reading", file=sys.stderr, hidden=hidden, show_eta=False
    ) as bar:
        yield lambda _label: bar.update(1)


def _report(app: App, outcome: Outcome, *, as_json: bool) -> None:
    for message, labels in _grouped(outcome, app.now()):
        complain(f"{', '.join(labels)}: {message}")
    if not (as_json or sys.stdout.isatty()):
        return
    from cldmon.cli import status

    if as_json:
        status.show(app, outcome.snapshot, "json")
    else:
        status.show(app, outcome.snapshot, "table", outcome.labels)


def _grouped(outcome: Outcome, now: datetime) -> Iterator[tuple[str, list[str]]]:
    """Yield each reason once, with the accounts that it kept from being read."""
    from cldmon.terminal.times import format_failure

    reasons: dict[str, list[str]] = {}
    for account in outcome.failed:
        if account.failure:
            reason = format_failure(account.failure, now, None)
            reasons.setdefault(reason, []).append(account.label)
    yield from reasons.items()
