"""`cldmon fetch`: one pass."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

import click

from cldmon.cli import options
from cldmon.cli.output import print_message
from cldmon.terminal.style import supports_escape_codes

if TYPE_CHECKING:
    from cldmon.app.app import App


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
    Cloudflare challenge, an account is read only in every third pass, unless you name it or start
    the pass from a terminal. Exits with 1 if no account could be read, with 75 if another pass is
    running.
    """
    # Imported here because completing `--account` loads this module and must be fast.
    from cldmon.app.fetch import fetch
    from cldmon.cli import status
    from cldmon.cli.log import delay_log
    from cldmon.config.load import find_permissions_problem
    from cldmon.terminal.times import format_failure

    if app.config.holds_secrets and (warning := find_permissions_problem(app.config_path)):
        print_message(warning)
    # Started by a person, not by a timer.
    by_hand = any(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    # No ETA: accounts are read concurrently, so the first says nothing about the last.
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
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for account in outcome.failed:
        if account.failure:
            reasons[format_failure(account.failure, app.now(), None)].append(account.label)
    for reason, failed in reasons.items():
        print_message(f"{', '.join(failed)}: {reason}")
    if as_json:
        status.show(app, outcome.snapshot, "json")
    elif sys.stdout.isatty():
        status.show(app, outcome.snapshot, None, outcome.labels)
    outcome.raise_if_failed(strict=strict)
