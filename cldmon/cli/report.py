"""`cldmon report`: usage that people's own machines report, and the tokens for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cldmon.cli import report_tokens
from cldmon.errors import UsageError

if TYPE_CHECKING:
    from cldmon.app.app import App


@click.command("report")
@report_tokens.options
@click.option("--json", is_flag=True, help="With --tokens: print JSON.")
@click.pass_obj
def command(app: App, /, **given: Any) -> None:
    """Let people's own machines report their usage, without a session key.

    Each machine reports with a token, which is good for one account and reads nothing. It is
    printed once, alone on stdout.
    """
    if not report_tokens.run(app, given, as_json=given.pop("json")):
        raise UsageError("say what to do: --token LABEL, --tokens or --revoke ID")
