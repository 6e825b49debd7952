"""What several commands take or print in the same way."""

from __future__ import annotations

import os
import sys

import click

from cldmon.cli.complete import account_labels

account = click.option(
    "--account",
    "labels",
    metavar="LABEL",
    multiple=True,
    shell_complete=account_labels,
    help="Only this account; may be repeated.",
)


def print_json(body: object) -> None:
    """Print JSON that cannot steer a terminal."""
    from cldmon.terminal.formats import format_json
    from cldmon.terminal.style import detect_terminal

    click.echo(format_json(body, detect_terminal(sys.stdout, os.environ)))
