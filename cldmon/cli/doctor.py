"""`cldmon doctor`: check everything cldmon depends on and suggest fixes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cldmon.cli.output import detect_stdout, print_json

if TYPE_CHECKING:
    from cldmon.app.app import App
    from cldmon.doctor.check import Check

_INDENT = "  "


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Skip checks that need the network.")
@click.option(
    "--send-test",
    is_flag=True,
    help="Check only the notification channels, and send a test message to each.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
@click.pass_context
def command(ctx: click.Context, offline: bool, send_test: bool, as_json: bool) -> None:
    """Check everything cldmon depends on and suggest fixes.

    Each account is read once, as in a pass; nothing is stored. Exits with 1 if a check failed;
    warnings, marked with ?, do not count.
    """
    from cldmon.doctor.check import Verdict
    from cldmon.doctor.run import CHECKS, SEND_TEST, run_checks

    if offline and send_test:
        raise click.UsageError("--send-test needs the network: leave out --offline", ctx)
    app: App = ctx.obj
    checks = []
    for check in run_checks(app, offline=offline, checks=SEND_TEST if send_test else CHECKS):
        checks.append(check)
        if not as_json:
            _print(check)
    if as_json:
        print_json([asdict(check) for check in checks])
    ctx.exit(int(any(check.verdict is Verdict.FAILED for check in checks)))


def _print(check: Check) -> None:
    from cldmon.doctor.check import Verdict
    from cldmon.terminal.style import GREEN, RED, YELLOW

    terminal = detect_stdout()
    colour, *mark = {
        Verdict.OK: (GREEN, "✓", "+"),
        Verdict.UNSURE: (YELLOW, "?", "?"),
        Verdict.FAILED: (RED, "✗", "x"),
    }[check.verdict]
    text = terminal.paragraph(f"{check.name}: {check.detail}", _INDENT, _INDENT)
    shown = terminal.colourize(terminal.pick(*mark), colour)
    click.echo(shown + text.removeprefix(_INDENT[:-1]), color=True)
    if check.remedy:
        # Not wrapped: it may be a command to copy, of which a shell would run the first line.
        arrow = terminal.pick("→", "->")
        click.echo(f"{_INDENT}{_INDENT}{arrow} {terminal.clean(check.remedy)}")
