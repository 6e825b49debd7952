"""Options that several commands share."""

from __future__ import annotations

import functools
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cldmon.cli.complete import complete_labels
from cldmon.config.locate import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from cldmon.app.app import App

account = click.option(
    "--account",
    "labels",
    metavar="LABEL",
    multiple=True,
    shell_complete=complete_labels,
    help="Only this account; may be repeated.",
)


def server(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--server` and `--token-file`, and pass the app that reads from where they say."""

    @click.option(
        "--server",
        "url",
        metavar="URL",
        help="Read from a running `cldmon serve`, not from files. Its API token, if it wants one:"
        " $CLDMON_API_TOKEN or --token-file.",
    )
    @click.option(
        "--token-file", metavar="FILE", help="With --server: the file that holds the API token."
    )
    @click.pass_obj
    def select(
        app: App, /, *arguments: Any, url: str | None, token_file: str | None, **given: Any
    ) -> None:
        if url is not None:
            from cldmon.app.remote import connect

            app = connect(app, url, token_file)
        elif token_file is not None:
            raise click.UsageError("--token-file: no effect without --server")
        command(app, *arguments, **given)

    return functools.update_wrapper(select, command)


def format_config_option(path: Path) -> str:
    """Return the `--config` option that selects this configuration; empty if it is the default."""
    return "" if path == Path(FILE_NAME) else f"--config {shlex.quote(str(path))} "
