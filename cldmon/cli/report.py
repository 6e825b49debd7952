"""`cldmon report`: report usage from a person's own machine.

`cldmon.reporter.main` runs these options without click; this is for help, completion and mistakes.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from cldmon.cli.complete import complete_labels
from cldmon.cli.output import detect_stdout, print_json, print_message
from cldmon.domain.labels import select_labels
from cldmon.errors import ConfigError, UsageError
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
@click.option(
    "--token",
    metavar="LABEL",
    shell_complete=complete_labels,
    help="On the server: create a token for this account and print it.",
)
@click.option("--name", help="With --token: whose or which machine it is for.")
@click.option("--tokens", is_flag=True, help="On the server: list the tokens.")
@click.option("--revoke", metavar="ID", help="On the server: revoke a token at once.")
@click.pass_obj
def command(
    app: App,
    /,
    token: str | None,
    name: str | None,
    tokens: bool,
    revoke: str | None,
    json: bool,
    **given: Any,
) -> None:
    """Report usage from a person's own machine; the server needs no session key.

    As Claude Code's status line, it reads the JSON that Claude Code writes to stdin, prints one
    line such as `5h 41% · 7d 63%`, and sends it in the background, at most once a minute. Only
    percentages, reset times and a random id of the machine are sent.

    \b
    cldmon report --install --to https://cldmon.example.org --account alice

    On the server, --token LABEL prints a token for a person's machine, alone on stdout and only
    once. With it, a machine can report that account and nothing else.
    """
    if name is not None and token is None:
        raise UsageError("--name is for --token")
    actions = [token is not None, tokens, revoke is not None]
    if sum(actions) > 1 or (any(actions) and any(given.values())):
        raise UsageError("--token, --tokens and --revoke cannot be combined")
    if token is not None:
        _create_token(app, token, name or "")
    elif tokens:
        _show_tokens(app, as_json=json)
    elif revoke is not None:
        from cldmon.reports.tokens import TokensFile

        found = TokensFile(app.data_dir).revoke(revoke)
        click.echo(f"{found.id}: revoked; it was for {found.account}")
    else:
        click.get_current_context().exit(run(Options(**given, json=json), app.env))


def _create_token(app: App, label: str, name: str) -> None:
    from cldmon.reports.tokens import TokensFile, compute_id

    config = app.read_config()
    select_labels([label], app.outline.labels)
    account = config.account(label)
    if account is None or account.source is None:
        where = f'label = "{label}" in {app.config_path}'
        raise ConfigError(f'this account takes no reports: add source = "report" below {where}')
    token = TokensFile(app.outline.data_dir).create(label, name, app.now())
    click.echo(token.reveal())
    url = config.public_url or "https://SERVER"
    lines = (
        f"This token is not shown again. It can report the usage of {label}, and nothing else.",
        "Send it to the person whose account that is. On their machine:",
        f"  cldmon report --install --to {shlex.quote(url)} --account {shlex.quote(label)}",
        f"To revoke it: cldmon report --revoke {compute_id(token)}",
    )
    click.echo("\n".join(lines), err=True)


def _show_tokens(app: App, *, as_json: bool) -> None:
    from cldmon.reports.tokens import TokensFile, describe

    tokens = [*TokensFile(app.data_dir).load().values()]
    if as_json:
        print_json([describe(token) for token in tokens])
        return
    if not tokens:
        print_message("no tokens yet: cldmon report --token LABEL")
        return
    from cldmon.terminal.tokens import format_tokens

    click.echo(format_tokens(tokens, detect_stdout(), None))
