"""`cldmon schedule`: what starts the passes."""

from __future__ import annotations

import click

from cldmon.cli import complain


@click.command("schedule")
@click.argument("kind", type=click.Choice(["systemd", "cron"]))
@click.option("--user", "of_user", is_flag=True, help="For yourself, not for the whole system.")
@click.option(
    "--install", "action", flag_value="install", help="Install it, or bring it up to date."
)
@click.option("--uninstall", "action", flag_value="uninstall", help="Take it away again.")
@click.option("--status", "action", flag_value="status", help="Say how it stands.")
@click.pass_context
def command(ctx: click.Context, kind: str, of_user: bool, action: str | None) -> None:
    """Print, or install, what starts `cldmon fetch` again and again.

    That is a systemd timer with its services, or a block in a crontab, filled in from the
    configuration: how often, and the folders. Without an option it is only printed.

    For the whole system (as root) passes run as the owner of the configuration, or as a user
    cldmon where that is root. What cldmon did not write, or what was changed since, is left alone.
    --status exits with 1 where no passes are started.
    """
    from cldmon.schedule.plan import Plan

    plan = Plan(ctx.obj, kind, of_user)
    schedule = plan.schedule(click.echo)
    if action == "status":
        status = schedule.status(plan.job())
        click.echo("\n".join(status.lines))
        ctx.exit(not status.running)
    if action == "uninstall":
        plan.require_rights()
        schedule.uninstall()
        return
    job = plan.job()
    for remark in plan.remarks(job):
        complain(remark)
    if action == "install":
        plan.require_rights()
        schedule.install(job)
        _say_what_is_next(kind, of_user=of_user)
    else:
        click.echo(schedule.text(job), nl=False)


def _say_what_is_next(kind: str, *, of_user: bool) -> None:
    if kind == "cron":
        return
    manager = "systemctl --user" if of_user else "systemctl"
    complain(f"the dashboard, too: {manager} enable --now cldmon-serve.service")
    if of_user:
        complain("passes while you are logged out, too: loginctl enable-linger")
