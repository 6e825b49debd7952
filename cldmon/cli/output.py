"""Messages to stderr, and output for what stdout is connected to."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from cldmon.domain.secret import mask_secrets
from cldmon.terminal.style import detect_terminal, sanitize

if TYPE_CHECKING:
    from cldmon.terminal.style import Terminal


def detect_stdout() -> Terminal:
    """Return what stdout can show."""
    return detect_terminal(sys.stdout, os.environ)


def print_json(body: object) -> None:
    """Print JSON with control characters escaped."""
    from cldmon.terminal.formats import format_json

    click.echo(format_json(body, detect_stdout()))


def print_message(message: str) -> None:
    """Print a message to stderr as `cldmon: …`; see `print_stderr`."""
    # Indent further lines, so that they can't be mistaken for separate messages.
    prefix = "cldmon: "
    print_stderr(prefix + message.replace("\n", "\n" + " " * len(prefix)))


def print_stderr(text: str) -> None:
    """Print text to stderr with secrets masked and control characters replaced."""
    with suppress(BrokenPipeError):
        click.echo("\n".join(map(sanitize, mask_secrets(text).split("\n"))), err=True)


def silence_stdout() -> None:
    """Discard what is still to be written, after the reader of the pipe has gone.

    Otherwise the interpreter reports it at exit.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
