"""Messages to stderr."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

import click

from cldmon.domain.secret import mask_secrets
from cldmon.terminal.style import sanitize


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
