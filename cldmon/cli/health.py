"""`cldmon health`: one line and an exit code, for cron, monitoring and people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cldmon.cli import complain
from cldmon.domain.freshness import CRITICAL, HIGH
from cldmon.errors import CldmonError
from cldmon.terminal.style import sanitize

if TYPE_CHECKING:
    from cldmon.app import App
    from cldmon.health.verdict import Verdict

_PERCENT = click.IntRange(0, 100)


class MonitoringCommand(click.Command):
    """A command whose usage errors are UNKNOWN to a monitor: 2 would be critical."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options, and refuse those without effect."""
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
@click.option("--serve", is_flag=True, help="Fail, too, if the server does not answer.")
@click.option("--nagios", is_flag=True, help="Answer as a monitoring plugin: exit 0 to 3, figures.")
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
    """Say in one line whether passes end in time and accounts report; exit 0 if so, else 1.

    The line is appended to health.log in the data folder.
    """
    verdict, error = _checked(ctx.obj, serve=serve)
    line = _line(ctx.obj, verdict)
    _log(ctx.obj, line, error)
    if nagios:
        ctx.exit(_tell_monitor(verdict, error, warning, critical))
    click.echo(line)
    ctx.exit(0 if verdict.ok else 1)


def _refuse_useless_thresholds(ctx: click.Context) -> None:
    given = [f"--{name}" for name in ("warning", "critical") if _is_given(ctx, name)]
    if given and not ctx.params["nagios"]:
        raise click.UsageError(f"{' and '.join(given)}: no effect without --nagios")
    warning, critical = ctx.params["warning"], ctx.params["critical"]
    if "--warning" in given and warning > critical:
        raise click.UsageError(f"--warning {warning} is above --critical {critical}: nothing warns")


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT


def _checked(app: App, *, serve: bool) -> tuple[Verdict, CldmonError | None]:
    """Return the verdict, and the error that kept the check from being made."""
    from cldmon.health.verdict import failed

    try:
        return app.health(serve=serve), None
    except CldmonError as error:
        return failed(str(error)), error


def _log(app: App, line: str, known: CldmonError | None) -> None:
    """Append the line to health.log; why that cannot be done is said, unless it is `known`."""
    try:
        app.log_health(line)
    except CldmonError as error:
        if str(error) != str(known):
            complain(str(error))


def _line(app: App, verdict: Verdict) -> str:
    from cldmon.health.verdict import format_line

    return sanitize(format_line(verdict, app.now()))


def _tell_monitor(verdict: Verdict, error: CldmonError | None, warning: int, critical: int) -> int:
    from cldmon.health import nagios

    if error:
        return _report_unknown(verdict.text)
    thresholds = nagios.Thresholds(min(warning, critical), critical)
    click.echo(sanitize(nagios.format_line(verdict, thresholds)))
    return int(nagios.level(verdict, thresholds))


def _report_unknown(why: str) -> int:
    from cldmon.health import nagios

    click.echo(sanitize(nagios.format_unknown(why)))
    return int(nagios.Level.UNKNOWN)
