"""`cldmon init`: write a first configuration."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from cldmon.cli import options
from cldmon.config import write
from cldmon.config.locate import FILE_NAME, find_named_config
from cldmon.domain.secret import Secret


@click.command("init")
@click.argument("path", required=False, type=click.Path(path_type=Path))
def command(path: Path | None) -> None:
    """Write a commented configuration with a new session secret to PATH.

    PATH defaults to --config, then $CLDMON_CONFIG, then ./config.toml. Only you can read the file.
    An existing file is never overwritten.
    """
    app = click.get_current_context().obj
    target = path or find_named_config(app.config_path_option, app.env) or Path(FILE_NAME)
    write.create(target, write.make_initial(Secret(secrets.token_urlsafe(32))))
    click.echo(str(target))
    click.echo(f"Next: 1. put each account's label and session key into {target}", err=True)
    click.echo(f"      2. run: cldmon {options.format_config_option(target)}fetch", err=True)
