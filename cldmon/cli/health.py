"""`cldmon health`: one line and an exit code, for cron, monitoring and people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cldmon import files
from cldmon.app.health import check_health
from cldmon.cli.output import print_message
from cldmon.domain.freshness import CRITICAL, HIGH
from cldmon.errors import CldmonError
from cldmon.health import nagios as plugin
from cldmon.health.verdict import failed, format_line
from cldmon.store.data_dir import HEALTH_LOG
from cldmon.terminal.style import sanitize

if TYPE_CHECKING:
    from cldmon.app.app import App

_PERCENT = click.IntRange(0, 100)


class MonitoringCommand(click.Command):
    """With --nagios, usage errors exit with 3 (UNKNOWN), since 2 would mean CRITICAL."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options, and refuse those that have no effect."""
        is_monitor = "--nagios" in args
        try:
            rest = super().parse_args(ctx, args)
            if not ctx.resilient_parsing:
                _refuse_useless_thresholds(ctx)
        except click.UsageError as error:
            if not is_monitor:
                raise
            ctx.exit(_report_unknown(" ".join(error.format_message().split())))
        return rest


@click.command("health", cls=MonitoringCommand)
@click.option("--serve", is_flag=True, help="Also fail if the server does not answer.")
@click.option(
    "--nagios",
    is_flag=True,
    help="Act as a monitoring plugin: exit codes 0 to 3.",
)
@click.option(
    "--warning",
    type=_PERCENT,
    default=HIGH,
    show_default=True,
    help="With --nagios: percent of a window above which to warn.",
)
@click.option(
    "--critical",
    type=_PERCENT,
    default=CRITICAL,
    show_default=True,
    help="With --nagios: percent of a window above which it is critical.",
)
@click.pass_context
def command(ctx: click.Context, serve: bool, nagios: bool, warning: int, critical: int) -> None:
    """Check that passes finish on time and accounts can be read: one line, and exit code 0 or 1.

    OK: every account reports. WARN: some do not; the line says why, and whether that needs action
    or recovers by itself; the exit code stays 0. FAIL: passes are missing, or no account reports.

    The line is also appended to health.log in the data folder.
    """
    app: App = ctx.obj
    error: CldmonError | None = None
    try:
        verdict = check_health(app, serve=serve)
    except CldmonError as raised:
        verdict, error = failed(str(raised)), raised
    line = sanitize(format_line(verdict, app.now()))
    try:
        files.append_line(app.data_dir / HEALTH_LOG, line.encode())
    except CldmonError as raised:
        if str(raised) != str(error):
            print_message(str(raised))
    if not nagios:
        click.echo(line)
        ctx.exit(0 if verdict.ok else 1)
    if error:
        ctx.exit(_report_unknown(verdict.text))
    thresholds = plugin.Thresholds(min(warning, critical), critical)
    click.echo(sanitize(plugin.format_line(verdict, thresholds)))
    ctx.exit(int(plugin.level(verdict, thresholds)))


def _refuse_useless_thresholds(ctx: click.Context) -> None:
    default = click.core.ParameterSource.DEFAULT
    names = ("warning", "critical")
    given = [f"--{name}" for name in names if ctx.get_parameter_source(name) is not default]
    if given and not ctx.params["nagios"]:
        raise click.UsageError(f"{' and '.join(given)}: no effect without --nagios", ctx)
    warning, critical = ctx.params["warning"], ctx.params["critical"]
    if "--warning" in given and warning > critical:
        raise click.UsageError(f"--warning {warning} is above --critical {critical}", ctx)


def _report_unknown(why: str) -> int:
    click.echo(sanitize(plugin.format_unknown(why)))
    return int(plugin.Level.UNKNOWN)
