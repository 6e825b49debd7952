"""Options and output that several commands share."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from cldmon.cli.complete import account_labels
from cldmon.config.locate import FILE_NAME

account = click.option(
    "--account",
    "labels",
    metavar="LABEL",
    multiple=True,
    shell_complete=account_labels,
    help="Only this account; may be repeated.",
)


def config_option(path: Path) -> str:
    """Return the `--config` option that selects this configuration; empty if it is the default."""
    return "" if path == Path(FILE_NAME) else f"--config {shlex.quote(str(path))} "


def print_json(body: object) -> None:
    """Print JSON with control characters escaped."""
    from cldmon.terminal.formats import format_json
    from cldmon.terminal.style import detect_terminal

    click.echo(format_json(body, detect_terminal(sys.stdout, os.environ)))
