"""`cldmon doctor`: check everything cldmon depends on and suggest fixes."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cldmon.cli.options import print_json

if TYPE_CHECKING:
    from cldmon.app.app import App
    from cldmon.doctor.check import Check
    from cldmon.terminal.style import Terminal

_INDENT = "  "


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Leave out what needs the network.")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
@click.pass_context
def command(ctx: click.Context, offline: bool, as_json: bool) -> None:
    """Check everything cldmon depends on and suggest fixes.

    Each account is asked once, as a pass would; nothing of it is stored. Exits with 1 if any
    check failed; what is marked with a question mark does not count.
    """
    from cldmon.doctor.check import Verdict
    from cldmon.doctor.run import run_checks

    app: App = ctx.obj
    checks = []
    for check in run_checks(app, offline=offline):
        checks.append(check)
        if not as_json:
            _show(app, check)
    if as_json:
        print_json([asdict(check) for check in checks])
    ctx.exit(int(any(check.verdict is Verdict.FAILED for check in checks)))


def _show(app: App, check: Check) -> None:
    from cldmon.terminal.style import detect_terminal

    place = detect_terminal(sys.stdout, app.env)
    text = place.paragraph(f"{check.name}: {check.detail}", _INDENT, _INDENT)
    click.echo(_mark(check, place) + text.removeprefix(_INDENT[:-1]), color=True)
    if check.remedy:
        # Unbroken, for it may be a command that is to be copied.
        click.echo(f"{_INDENT}{_INDENT}{place.pick('→', '->')} {place.clean(check.remedy)}")


def _mark(check: Check, place: Terminal) -> str:
    from cldmon.doctor.check import Verdict
    from cldmon.terminal.style import GREEN, RED, YELLOW

    if check.verdict is Verdict.OK:
        return place.paint(place.pick("✓", "+"), GREEN)
    if check.verdict is Verdict.FAILED:
        return place.paint(place.pick("✗", "x"), RED)
    return place.paint("?", YELLOW)
