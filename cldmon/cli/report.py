"""`cldmon report`: report usage from a person's own machine.

`cldmon.reporter.main` runs these options without click; this is for help, completion and mistakes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cldmon.cli import report_tokens
from cldmon.cli.complete import complete_labels
from cldmon.reporter.main import run
from cldmon.reporter.options import Options

if TYPE_CHECKING:
    from cldmon.app.app import App


@click.command("report")
@click.option(
    "--to", metavar="URL|FILE|-", default="", help="The server, a file to write, or - for stdout."
)
@click.option(
    "--account",
    metavar="LABEL",
    default="",
    shell_complete=complete_labels,
    help="The account's label on the server.",
)
@click.option(
    "--token-file",
    metavar="FILE",
    default="",
    help="The token, if not in $CLDMON_REPORT_TOKEN  [default: ~/.config/cldmon/report-token]",
)
@click.option(
    "--chain",
    metavar="COMMAND",
    default="",
    help="Run another status line as well; --install adds this.",
)
@click.option(
    "--from-cache",
    is_flag=True,
    help="Read what Claude Code has cached instead of stdin, for a timer.",
)
@click.option("--install", is_flag=True, help="Write the status line into Claude Code's settings.")
@click.option("--setup", is_flag=True, help="Only print what --install would write.")
@click.option("--uninstall", is_flag=True, help="Put back the status line from before.")
@click.option("--status", is_flag=True, help="Show what was reported, and errors.")
@click.option("--json", is_flag=True, help="With --status or --tokens: print JSON.")
@click.option("--reset", is_flag=True, help="Accept another Claude account for this label.")
@click.option("--send", is_flag=True, hidden=True)
@report_tokens.options
@click.pass_obj
def command(app: App, /, **given: Any) -> None:
    """Report usage from a person's own machine; the server needs no session key.

    As Claude Code's status line, it reads the JSON that Claude Code writes to stdin, prints one
    line such as `5h 41% · 7d 63%`, and sends it in the background, at most once a minute. Only
    percentages, reset times and a random id of the machine are sent.

    \b
    cldmon report --install --to https://cldmon.example.org --account alice

    On the server, --token LABEL prints a token for a person's machine, alone on stdout and only
    once. With it, a machine can report that account and nothing else.
    """
    as_json = given.pop("json")
    if not report_tokens.run(app, given, as_json=as_json):
        click.get_current_context().exit(run(Options(**given, json=as_json), app.env))
