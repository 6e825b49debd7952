"""`cldmon digest`: what each account used in a span of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cldmon.cli import complete
from cldmon.cli.output import detect_stdout, print_json, print_message
from cldmon.domain import ranges

if TYPE_CHECKING:
    from cldmon.app.app import App

FORMATS = ("table", "json", "markdown")


@click.command("digest")
@click.option(
    "--since",
    metavar="TIME",
    default="7d",
    show_default=True,
    shell_complete=complete.ranges,
    help="Begin so long before the end, such as 7d or 4w, or at 2026-03-12.",
)
@click.option("--until", metavar="TIME", help="End at such a time, or with that day.")
@click.option("--format", "form", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
@click.option("--json", "form", flag_value="json", help="Short for --format json.")
@click.option("--send", is_flag=True, help="Send it to the channels with digest = true instead.")
@click.pass_obj
def command(app: App, since: str, until: str | None, form: str, send: bool) -> None:
    """Show what each account used in the last week, or in any other span.

    For each account and window: the highest use and that at the end, how often and how long it was
    at its limit, how often it was reset early, and how much of each completed week was left unused;
    for each account, how often it could not be read for long. Accounts that were longest at a limit
    come first. What the files of that time do not say is shown as "–".
    """
    from cldmon.app.digest import build_digest, send_digest
    from cldmon.store.events import find_first_day

    is_length = ranges.is_range(since)
    span = ranges.parse_span(
        since if is_length else None, None if is_length else since, until, app.now(), None
    )
    if send:
        for name in send_digest(app, span):
            print_message(f"the digest for {name} waits: the next pass sends it")
        return
    digest = build_digest(app, span)
    first = find_first_day(app.data_dir, "history")
    if first and first > span.since:
        print_message(
            f"the history begins on {first:%Y-%m-%d}; the digest covers only the time since"
        )
    if form == "json":
        from cldmon.digest import digest_to_json

        print_json(digest_to_json(digest))
        return
    from cldmon.terminal.digest import format_markdown, format_table

    show = format_markdown if form == "markdown" else format_table
    click.echo(show(digest, detect_stdout(), None))
