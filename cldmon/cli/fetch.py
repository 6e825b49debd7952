"""`cldmon fetch`: one pass."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from cldmon.cli import options, print_message
from cldmon.terminal.style import supports_escape_codes

if TYPE_CHECKING:
    from datetime import datetime

    from cldmon.app.app import App
    from cldmon.collector.collector import Outcome


@click.command("fetch")
@options.account
@click.option("--strict", is_flag=True, help="Exit with 1 if any account could not be read.")
@click.option("--json", "as_json", is_flag=True, help="Print what `status --json` then shows.")
@click.option("--no-notify", is_flag=True, help="Leave alerts to the next pass.")
@click.pass_obj
def command(
    app: App, labels: tuple[str, ...], strict: bool, as_json: bool, no_notify: bool
) -> None:
    """Read every account once, store the readings, send alerts.

    Prints nothing on success unless it runs in a terminal, so cron sends no mail. After a failed
    Cloudflare challenge an account is read in every third pass only, unless it is named or the pass
    is started from a terminal. Exits with 1 if no account could be read, with 75 if another pass is
    running.
    """
    # Imported here: completing `--account` loads this module, and has to be fast.
    from cldmon.app.fetch import fetch
    from cldmon.cli import status
    from cldmon.cli.log import delay_log
    from cldmon.config.load import find_permissions_problem

    if app.config.holds_secrets and (warning := find_permissions_problem(app.config_path)):
        print_message(warning)
    # A pass that a person started, not a timer.
    by_hand = any(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    # Accounts are read side by side: when the first is done says nothing about the last.
    progress = click.progressbar(
        length=len(labels or app.outline.labels),
        label="Reading",
        file=sys.stderr,
        hidden=not supports_escape_codes(sys.stderr, os.environ),
        show_eta=False,
    )
    with delay_log(), progress as bar:
        outcome = fetch(
            app,
            labels,
            notify=not no_notify,
            by_hand=by_hand,
            done=lambda _label: bar.update(1),
        )
    for message, failed in _group_by_failure(outcome, app.now()).items():
        print_message(f"{', '.join(failed)}: {message}")
    if as_json:
        status.show(app, outcome.snapshot, "json")
    elif sys.stdout.isatty():
        status.show(app, outcome.snapshot, "table", outcome.labels)
    outcome.raise_if_failed(strict=strict)


def _group_by_failure(outcome: Outcome, now: datetime) -> dict[str, list[str]]:
    """Return each reason once, with the accounts that it kept from being read."""
    from cldmon.terminal.times import format_failure

    reasons: dict[str, list[str]] = {}
    for account in outcome.failed:
        if account.failure:
            reason = format_failure(account.failure, now, None)
            reasons.setdefault(reason, []).append(account.label)
    return reasons
