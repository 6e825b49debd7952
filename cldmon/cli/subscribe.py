"""`cldmon subscribe`: who gets which alerts on Slack."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from cldmon.cli.complete import complete_labels, complete_slack_ids
from cldmon.cli.output import detect_stdout, print_json, print_message
from cldmon.domain.labels import select_labels
from cldmon.errors import CldmonError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from cldmon.app.app import App
    from cldmon.domain.people import Person
    from cldmon.domain.subscriptions import QuietHours, Subscriptions
    from cldmon.terminal.subscriptions import SubscriptionRow

MAX_PAUSE = timedelta(days=366)


@click.command("subscribe")
@click.argument("person", metavar="SLACK_ID", required=False, shell_complete=complete_slack_ids)
@click.argument("label", metavar="[ACCOUNT]", required=False, shell_complete=complete_labels)
@click.option("--hit/--no-hit", default=None, help="When a limit is reached.")
@click.option("--reset/--no-reset", default=None, help="When a limit that was reached resets.")
@click.option("--at", metavar="PERCENT,…", help="When this much is used, for example 80,95.")
@click.option("--no-at", is_flag=True, help="No thresholds.")
@click.option("--run-out/--no-run-out", default=None, help="When on pace to run out early.")
@click.option("--changes/--no-changes", default=None, help="When a limit is changed.")
@click.option(
    "--window", "windows", metavar="WINDOW", multiple=True, help="Only 5h, 7d, …, or all again."
)
@click.option("--quiet", metavar="HH:MM-HH:MM", help="No alerts in these hours of the day.")
@click.option("--no-quiet", is_flag=True, help="Alerts at any time.")
@click.option("--pause", metavar="SPAN", help="No alerts for a while, for example 2h; 0 ends it.")
@click.option("--remove", is_flag=True, help="Remove the settings, for ACCOUNT or all accounts.")
@click.option("--test", is_flag=True, help="Send one test message now.")
@click.option("--force", is_flag=True, help="Take an id that Slack does not know.")
@click.option("--list", "everything", is_flag=True, help="Show everybody's settings.")
@click.option(
    "--account", "only", metavar="LABEL", shell_complete=complete_labels, help="With --list."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(
    app: App,
    /,
    person: str | None,
    label: str | None,
    everything: bool,
    only: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Change and show which alerts the person SLACK_ID gets about ACCOUNT on Slack.

    SLACK_ID is an id such as U0123ABCD, or a name that Slack knows. Each change is confirmed to
    that person by direct message. Quiet hours and pauses count for all accounts; alerts wait
    until they end. Without options the settings are shown; without ACCOUNT all of them.
    """
    given = {name: value for name, value in options.items() if value not in (None, False, ())}
    given |= {
        name: False for name in ("hit", "reset", "run_out", "changes") if options[name] is False
    }
    if everything:
        if person is not None or given:
            raise UsageError("--list goes with --account and --json only")
        _show_everybody(app, only, as_json=as_json)
        return
    if only is not None:
        raise UsageError("--account goes with --list")
    if person is None:
        raise UsageError("name a person: cldmon subscribe SLACK_ID ACCOUNT")
    _show(app, _apply(app, person, label, given), label, as_json=as_json)


def _apply(app: App, text: str, label: str | None, given: dict[str, Any]) -> Person:
    """Make the changes that the options ask for; return whose settings they are."""
    for name in ("at", "quiet"):
        if name in given and f"no_{name}" in given:
            raise UsageError(f"--{name} and --no-{name} exclude each other")
    changes = _parse_changes(app, given)
    if label is not None:
        select_labels([label], app.outline.labels)
    elif changes:
        raise UsageError("name an account: cldmon subscribe SLACK_ID ACCOUNT")
    quiet = _parse_quiet(given["quiet"]) if "quiet" in given else None
    pause_until = _parse_pause(app, given["pause"]) if "pause" in given else None
    service = app.build_subscription_service()
    # The settings of people who have left Slack can be removed.
    person = service.find_person(text, force=bool(given.keys() & {"force", "remove"}))
    user = person.id
    problems = []
    if "remove" in given:
        found, problem = service.remove(user, label)
        if not found:
            raise UsageError(f"{text} has no settings{f' for {label}' if label else ''}")
        problems.append(problem)
    if changes and label is not None:
        problems.append(service.change(user, label, lambda old: replace(old, **changes))[1])
    if "quiet" in given or "no_quiet" in given:
        problems.append(service.set_quiet(user, quiet))
    if "pause" in given:
        problems.append(service.pause(user, pause_until))
    if "test" in given:
        if problem := service.send_test(user):
            raise CldmonError(problem)
        print_message("test message sent")
    for problem in filter(None, problems):
        print_message(f"saved, but {problem}")
    return person


def _parse_changes(app: App, given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings for one account that the options give, by their names."""
    from cldmon.domain.series import resolve_options

    names = {"hit": "limit_hit", "reset": "reset", "run_out": "run_out", "changes": "changes"}
    values: dict[str, Any] = {names[name]: given[name] for name in names if name in given}
    if "at" in given:
        values["thresholds"] = _parse_thresholds(given["at"])
    if "no_at" in given:
        values["thresholds"] = ()
    if "windows" in given:
        chosen = resolve_options(given["windows"], app.load_snapshot())
        values["windows"] = None if chosen is None else tuple(chosen)
    return values


def _parse_thresholds(text: str) -> tuple[int, ...]:
    from cldmon.domain.subscriptions import parse_thresholds

    parts = [part.strip().removesuffix("%") for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageError(f"--at: {text!r} is not a list of percentages such as 80,95")
    if "100" in parts:
        raise UsageError("--at: from 1 to 99; --hit is for 100")
    try:
        return parse_thresholds([int(part[:6]) for part in parts])
    except ValueError as error:
        raise UsageError(f"--at: {error}") from None


def _parse_quiet(text: str) -> QuietHours:
    from cldmon.domain.subscriptions import parse_quiet

    start, dash, end = text.partition("-")
    if not dash:
        raise UsageError(f"--quiet: {text!r} is not a span such as 20:00-08:00")
    try:
        return parse_quiet(start.strip(), end.strip())
    except ValueError as error:
        raise UsageError(f"--quiet: {error}") from None


def _parse_pause(app: App, text: str) -> datetime | None:
    from cldmon.domain.ranges import parse_option

    if text == "0":
        return None
    span = parse_option("--pause", text)
    if span > MAX_PAUSE:
        raise UsageError("--pause: a year is the maximum; --remove removes the settings")
    return app.now() + span


def _show(app: App, person: Person, label: str | None, *, as_json: bool) -> None:
    from cldmon.terminal.subscriptions import SubscriptionRow

    subscriptions = _load_subscriptions(app)
    mine = subscriptions.users.get(person.id, {})
    labels = [label] if label else list(mine)
    rows = [
        SubscriptionRow(person.id, _format_name(person), each, subscriptions.of(person.id, each))
        for each in labels
    ]
    if as_json and label:
        print_json(_to_json(rows[0], subscriptions))
        return
    nothing = f"no alert settings for {person.id}"
    _print(rows, [person.id], subscriptions, nothing, as_json=as_json)


def _show_everybody(app: App, label: str | None, *, as_json: bool) -> None:
    from cldmon.terminal.subscriptions import SubscriptionRow

    if label is not None:
        select_labels([label], app.outline.labels)
    subscriptions, names = _load_subscriptions(app), _load_names(app)
    for problem in subscriptions.problems:
        print_message(f"subscriptions.json: {problem}")
    rows = [
        SubscriptionRow(user, _format_name(names.get(user)), account, subscription)
        for user, accounts in subscriptions.users.items()
        for account, subscription in accounts.items()
        if label in (None, account)
    ]
    users = dict.fromkeys(row.user for row in rows)
    if label is None:
        users |= dict.fromkeys([*subscriptions.quiet, *subscriptions.paused_until])
    nobody = "no subscriptions yet" if label is None else f"nobody gets alerts about {label}"
    nothing = f"{nobody}: cldmon subscribe SLACK_ID {label or 'ACCOUNT'} --hit"
    _print(rows, users, subscriptions, nothing, as_json=as_json)


def _load_subscriptions(app: App) -> Subscriptions:
    """Return everybody's settings, without pauses that are over."""
    from cldmon.store.subscriptions import SubscriptionsFile

    found, now = SubscriptionsFile(app.data_dir).load(), app.now()
    paused = {user: until for user, until in found.paused_until.items() if until > now}
    return replace(found, paused_until=paused)


def _load_names(app: App) -> dict[str, Person]:
    """Return Slack's people by id, as far as they can be had."""
    if not app.outline.slack_enabled:
        return {}
    try:
        return app.build_subscription_service().names()
    except CldmonError as error:
        print_message(f"shown without names: {error}")
        return {}


def _format_name(person: Person | None) -> str:
    return (person.real_name or person.display_name or person.name) if person else ""


def _print(
    rows: Iterable[SubscriptionRow],
    users: Iterable[str],
    subscriptions: Subscriptions,
    nothing: str,
    *,
    as_json: bool,
) -> None:
    """Print settings as JSON or as a table, or a message if there is nothing to show."""
    from cldmon.terminal.subscriptions import format_table

    if as_json:
        print_json([_to_json(row, subscriptions) for row in rows])
    elif text := format_table(rows, users, subscriptions, detect_stdout()):
        click.echo(text)
    else:
        print_message(nothing)


def _to_json(row: SubscriptionRow, subscriptions: Subscriptions) -> dict[str, Any]:
    from cldmon.domain.instants import format_iso
    from cldmon.store.subscriptions import quiet_to_json, to_json

    body: dict[str, Any] = {"slackId": row.user, "slackName": row.name or None, "label": row.label}
    body |= to_json(row.subscription)
    if quiet := subscriptions.quiet.get(row.user):
        body["quiet"] = quiet_to_json(quiet)
    if until := subscriptions.paused_until.get(row.user):
        body["pausedUntil"] = format_iso(until)
    return body
