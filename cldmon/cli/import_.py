"""`cldmon import`: migrate from the Node version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cldmon.cli import options
from cldmon.config.locate import FILE_NAME, find_named_config

if TYPE_CHECKING:
    from cldmon.app.app import App


@click.command("import")
@click.argument("source", metavar="DIR|CONFIG.JSON", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--to",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The configuration to write  [default: --config, $CLDMON_CONFIG, ./config.toml]",
)
@click.option(
    "--data-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the data goes; the new configuration will name it.",
)
@click.pass_obj
def command(app: App, source: Path, target: Path | None, data_dir: Path | None) -> None:
    """Import from the Node version: its config.json as TOML, its data files as they are.

    DIR is the folder of the Node version; stop it first. It is not changed and no file is ever
    overwritten, so the command is safe to repeat. Anything that can't be imported is listed on
    stderr. Exits with 1 if there was nothing to import.
    """
    from cldmon.importing.migrate import migrate

    config = target or find_named_config(app.config_path_option, app.env) or Path(FILE_NAME)
    is_new = not config.exists()
    chosen = data_dir or app.data_dir_option
    for line in migrate(source, config, chosen and chosen.absolute(), app.env):
        click.echo(line)
    click.echo(f"Next: cldmon {options.format_config_option(config)}fetch", err=True)
    click.echo("Once that works, remove the old folder: its config.json holds the keys.", err=True)
    if is_new and config.exists():
        tip = 'Resets are detected as in the Node version. reset_rule = "window" misses fewer: see '
        click.echo(f"{tip}{config}.", err=True)
