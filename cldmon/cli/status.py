"""`cldmon status`: how much is used, as the last pass saw it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Collection

    from cldmon.app import App
    from cldmon.domain.model import Snapshot


@click.command("status")
@click.option("--account", "labels", multiple=True, help="Only this account; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print what GET /api/usage answers.")
@click.pass_obj
def command(app: App, labels: tuple[str, ...], as_json: bool) -> None:
    """Show how much of each limit is used, as the last pass saw it."""
    snapshot = app.snapshot()
    if as_json:
        from cldmon.domain.snapshot import to_json

        click.echo(json.dumps(to_json(snapshot), ensure_ascii=False, indent=2))
    else:
        show(app, snapshot, labels)


def show(app: App, snapshot: Snapshot, labels: Collection[str]) -> None:
    """Print the status table of `labels` (none: of every account)."""
    import os
    import sys

    from cldmon.domain.view import view
    from cldmon.terminal.status import Page, table
    from cldmon.terminal.style import look

    now = app.now()
    views = [v for v in view(snapshot, now) if not labels or v.label in labels]
    click.echo(table(views, Page(look(sys.stdout, os.environ), now)), color=True)
