"""`cldmon schedule`: manage the systemd timer or crontab block that starts the passes."""

from __future__ import annotations

import re

import click

from cldmon.cli.output import print_message

_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def _check_name(_ctx: click.Context, _param: click.Parameter, name: str | None) -> str:
    if name is not None and not _NAME.fullmatch(name):
        raise click.BadParameter("a name has up to 32 letters, digits, - and _")
    return name or ""


@click.command("schedule")
@click.argument("kind", type=click.Choice(["systemd", "cron"]))
@click.option("--user", "of_user", is_flag=True, help="For yourself, not for the whole system.")
@click.option(
    "--name",
    metavar="NAME",
    callback=_check_name,
    help="The name of a second instance, for another configuration.",
)
@click.option("--install", is_flag=True, help="Install it, or bring it up to date.")
@click.option("--uninstall", is_flag=True, help="Remove it.")
@click.option("--status", "show_status", is_flag=True, help="Show its status.")
@click.pass_context
def command(
    ctx: click.Context,
    kind: str,
    of_user: bool,
    name: str,
    install: bool,
    uninstall: bool,
    show_status: bool,
) -> None:
    """Print or install the systemd timer or crontab block that runs `cldmon fetch` regularly.

    The interval and the folders come from the configuration. If a channel has digest = true, the
    weekly digest is scheduled, too. Without an option, the units or the
    block are only printed.

    For the whole system (as root), passes run as the owner of the configuration, or as the user
    cldmon if that is root. Files that cldmon did not write, that were edited since, or that belong
    to another instance are left alone. --status exits with 1 unless passes run as configured.
    """
    from cldmon.schedule.plan import Plan

    if install + uninstall + show_status > 1:
        raise click.UsageError("--install, --uninstall and --status exclude each other")
    plan = Plan(ctx.obj, kind, of_user, name)
    schedule = plan.build_schedule(click.echo)
    if show_status:
        status = schedule.status(plan.build_job())
        click.echo("\n".join(status.lines))
        ctx.exit(not (status.running and status.up_to_date))
    if uninstall:
        plan.require_root()
        schedule.uninstall(plan.config)
        return
    job = plan.build_job()
    for warning in plan.warnings(job):
        print_message(warning)
    if install:
        plan.require_root()
        schedule.install(job)
        for step in plan.suggest_next_steps():
            print_message(step)
    else:
        click.echo(schedule.render(job), nl=False)
