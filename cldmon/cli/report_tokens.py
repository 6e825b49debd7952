"""The options of `cldmon report` on the server: tokens for people's machines."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from cldmon.cli.complete import complete_labels
from cldmon.domain.labels import select_labels
from cldmon.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cldmon.app.app import App

_OPTIONS = (
    click.option(
        "--token",
        metavar="LABEL",
        shell_complete=complete_labels,
        help="On the server: create a token for this account and print it.",
    ),
    click.option("--name", help="With --token: whose or which machine it is for."),
    click.option("--tokens", is_flag=True, help="On the server: list the tokens."),
    click.option("--revoke", metavar="ID", help="On the server: revoke a token at once."),
)


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Add these options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def run(app: App, given: dict[str, Any], *, as_json: bool) -> bool:
    """Take these options out of those given, do what they say, and return whether there are any."""
    token, name, tokens, revoke = (
        given.pop(each) for each in ("token", "name", "tokens", "revoke")
    )
    if name is not None and token is None:
        raise UsageError("--name is for --token")
    actions = [token is not None, tokens, revoke is not None]
    if sum(actions) > 1 or (any(actions) and any(given.values())):
        raise UsageError("--token, --tokens and --revoke cannot be combined")
    if token is not None:
        _create(app, token, name or "")
    elif tokens:
        _list(app, as_json=as_json)
    elif revoke is not None:
        _revoke(app, revoke)
    return any(actions)


def _create(app: App, label: str, name: str) -> None:
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


def _list(app: App, *, as_json: bool) -> None:
    from cldmon.cli.options import print_json
    from cldmon.cli.output import print_message
    from cldmon.reports.tokens import TokensFile, describe

    tokens = [*TokensFile(app.data_dir).load().values()]
    if as_json:
        print_json([describe(token) for token in tokens])
        return
    if not tokens:
        print_message("no tokens yet: cldmon report --token LABEL")
        return
    from cldmon.terminal.style import detect_terminal
    from cldmon.terminal.tokens import format_tokens

    click.echo(format_tokens(tokens, detect_terminal(sys.stdout, os.environ), None))


def _revoke(app: App, token_id: str) -> None:
    from cldmon.reports.tokens import TokensFile

    token = TokensFile(app.data_dir).revoke(token_id)
    click.echo(f"{token.id}: revoked; it was for {token.account}")
