"""`cldmon serve`: the HTTP API and the dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cldmon.cli.output import print_message

if TYPE_CHECKING:
    from cldmon.app.app import App


@click.command("serve")
@click.pass_obj
def command(app: App) -> None:
    """Serve the HTTP API and the dashboard until Ctrl-C or SIGTERM.

    The configuration sets where it listens and who may log in; changes apply while it runs. It
    shows the stored readings and makes no passes: run `cldmon fetch` or its timer as well.
    """
    from cldmon.app.server import build_server

    server = build_server(app)
    print_message(f"serving {server.url}")
    server.run()
