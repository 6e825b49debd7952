"""`cldmon subscribe`: who is told of what on Slack."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from cldmon.cli import print_message
from cldmon.cli.complete import account_labels, slack_ids
from cldmon.cli.options import print_json
from cldmon.domain.labels import select_labels
from cldmon.errors import CldmonError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cldmon.app.app import App
    from cldmon.domain.people import Person
    from cldmon.terminal.subscriptions import SubscriptionRow


@click.command("subscribe")
@click.argument("person", metavar="SLACK_ID", required=False, shell_complete=slack_ids)
@click.argument("label", metavar="ACCOUNT", required=False, shell_complete=account_labels)
@click.option(
    "--hit/--no-hit", default=None, help="Send a message when a limit of the account is reached."
)
@click.option("--reset/--no-reset", default=None, help="Send a message when a limit resets.")
@click.option("--list", "everything", is_flag=True, help="Show everybody's settings.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(
    app: App,
    person: str | None,
    label: str | None,
    hit: bool | None,
    reset: bool | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Change and show which alerts of ACCOUNT the person SLACK_ID gets on Slack.

    SLACK_ID is an id such as U0123ABCD, or a name as Slack knows it. A change is confirmed to
    that person by direct message at once; without --hit and --reset nothing is changed.
    """
    if everything:
        _refuse_more(person, hit, reset)
        _show_list(_all(app), as_json=as_json)
        return
    if person is None or label is None:
        raise UsageError("name a person and an account: cldmon subscribe SLACK_ID ACCOUNT")
    line = _one(app, person, label, hit, reset)
    if as_json:
        print_json(_as_json(line))
    else:
        _print_table([line])


def _refuse_more(person: str | None, *flags: bool | None) -> None:
    if person is not None or any(flag is not None for flag in flags):
        raise UsageError("--list shows everybody's settings: it goes with --json alone")


def _one(app: App, text: str, label: str, hit: bool | None, reset: bool | None) -> SubscriptionRow:
    """Return the settings of one person for one account, changed if that is asked for."""
    from cldmon.terminal.subscriptions import SubscriptionRow

    subscribing = app.subscribing(print_message)
    select_labels([label], app.outline.labels)
    person = subscribing.person(text)
    if hit is None and reset is None:
        found = subscribing.current(person.id, label)
    else:
        found = subscribing.change(person.id, label, limit_hit=hit, reset=reset)
    return SubscriptionRow(person.id, _name(person), label, found)


def _all(app: App) -> list[SubscriptionRow]:
    from cldmon.store.subscriptions import SubscriptionsFile
    from cldmon.terminal.subscriptions import SubscriptionRow

    names = _names(app)
    return [
        SubscriptionRow(user, _name(names.get(user)), label, subscription)
        for user, accounts in SubscriptionsFile(app.data_dir).load().users.items()
        for label, subscription in accounts.items()
    ]


def _names(app: App) -> dict[str, Person]:
    """Return Slack's people by id, as far as they can be had."""
    if not app.outline.slack_enabled:
        return {}
    try:
        return app.subscribing(print_message).names()
    except CldmonError as error:
        print_message(f"shown without names: {error}")
        return {}


def _name(person: Person | None) -> str:
    return (person.real_name or person.display_name or person.name) if person else ""


def _show_list(lines: Sequence[SubscriptionRow], *, as_json: bool) -> None:
    if as_json:
        print_json([_as_json(line) for line in lines])
    elif lines:
        _print_table(lines)
    else:
        print_message("no subscriptions yet: cldmon subscribe SLACK_ID ACCOUNT --hit")


def _print_table(lines: Sequence[SubscriptionRow]) -> None:
    from cldmon.terminal.style import detect_terminal
    from cldmon.terminal.subscriptions import format_table

    click.echo(format_table(lines, detect_terminal(sys.stdout, os.environ)))


def _as_json(line: SubscriptionRow) -> dict[str, object]:
    return {
        "slackId": line.user,
        "slackName": line.name or None,
        "label": line.label,
        "limitHit": line.subscription.limit_hit,
        "reset": line.subscription.reset,
    }
