"""`cldmon serve`: the HTTP API and the dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cldmon.cli import print_message

if TYPE_CHECKING:
    from cldmon.app.app import App


@click.command("serve")
@click.pass_obj
def command(app: App) -> None:
    """Serve the HTTP API and the dashboard, until Ctrl-C or SIGTERM.

    Where it listens and who may log in stands in the configuration, which may be changed while it
    runs. It reads what the passes wrote; `cldmon fetch` or its timer makes them.
    """
    from cldmon.app.server import build_server

    server = build_server(app)
    print_message(f"serving {server.url}")
    server.run()
