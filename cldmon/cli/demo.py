"""`cldmon demo`: cldmon on simulated services; no account is needed."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cldmon.cli import status
from cldmon.cli.output import detect_stdout
from cldmon.config.locate import FILE_NAME
from cldmon.demo import folder as folders
from cldmon.demo import output, scenario
from cldmon.demo.runner import start_demo
from cldmon.errors import UsageError
from cldmon.terminal.style import detect_terminal

if TYPE_CHECKING:
    from cldmon.app.app import App
    from cldmon.demo.runner import Demo, PassRecord
    from cldmon.demo.slack import SentMessage

_INTRODUCTION = """\
Six hours of five accounts at a simulated claude.ai, with a simulated Slack, all
on this machine. Each line is a pass, read just now by a real browser: how much
of the 5-hour session is used, or of the week if there is no session (alice).
erin's account has no session key: her own machine reports it.
"""
_OFFLINE = ["status", "history --range 5h", "digest", "guard bob"]
_ONLINE = ["fetch", "doctor", "subscribe U04DAVE alice --hit", "login dave", "serve"]


@click.command("demo")
@click.option(
    "--keep",
    "kept",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Keep configuration and data in DIR, an empty or new folder.",
)
@click.option("--stay", is_flag=True, help="Keep the simulated services running until Ctrl-C.")
@click.pass_obj
def command(app: App, kept: Path | None, stay: bool) -> None:
    """Try cldmon on simulated accounts: six hours of five accounts in a few seconds.

    A simulated claude.ai and a simulated Slack listen on loopback; every reading is made by the
    real collector in a real headless browser. It needs no account and no network.
    """
    if app.config_path_option or app.data_dir_option:
        raise UsageError("the demo uses its own configuration and data: see `demo --keep`")
    with (
        folders.use_folder(kept) if kept else folders.make_temporary() as folder,
        start_demo(folder, app.env) as demo,
    ):
        _play(demo)
        _sum_up(demo)
        if kept or stay:
            _suggest(folder, stay=stay)
        if stay:
            _wait_until_stopped(demo)
    if not kept:
        click.echo("\nAll of it has been removed. To keep it and try other commands on it:")
        click.echo(
            f"  {_format_program()} demo --keep DIR   (with --stay the services keep running, too)"
        )


def _play(demo: Demo) -> None:
    terminal = detect_terminal(sys.stderr, os.environ)
    _print_err(_INTRODUCTION)
    _print_err(output.format_heading(scenario.LABELS, terminal))
    before: PassRecord | None = None
    for record in demo.play():
        _print_err(output.format_pass(record, before, demo.name_of, terminal))
        before = record
    _print_err("")


def _sum_up(demo: Demo) -> None:
    click.echo("What `cldmon status` shows now:\n")
    with status.command.make_context("status", [], obj=demo.app) as context:
        status.command.invoke(context)
    click.echo("\nSlack messages sent:")
    for sent in demo.messages:
        _print_message(demo, sent)
    click.echo("\nWhat the command channel received on standard input:")
    data = demo.app.outline.data_dir
    for line in (data / scenario.COMMAND_LOG).read_text().splitlines():
        click.echo(detect_stdout().paragraph(line, "  ", "  "))
    click.echo("\nFiles written:")  # without caches and locks
    for path in (demo.app.config_path, *sorted((*data.glob("*.json"), *data.glob("*.jsonl")))):
        click.echo(f"  {path}")


def _print_message(demo: Demo, sent: SentMessage) -> None:
    click.echo(output.format_message(sent, demo.name_of, detect_stdout()))


def _suggest(folder: Path, *, stay: bool) -> None:
    groups = {"Try on them:": _OFFLINE}
    if stay:
        groups["And, from another terminal while the simulated services run:"] = _ONLINE
    program = f"{_format_program()} --config {shlex.quote(str(folder / FILE_NAME))}"
    for heading, commands in groups.items():
        click.echo(f"\n{heading}")
        for line in commands:
            click.echo(f"  {program} {line}")
    if not stay:
        click.echo("The simulated services end now; to use fetch and the like, add --stay.")


def _wait_until_stopped(demo: Demo) -> None:
    click.echo(f"\nThe simulated claude.ai listens at {demo.claude.url}")
    click.echo(f"The simulated Slack listens at     {demo.slack.url}")
    _print_err("Ctrl-C stops them. Until then, new Slack messages are shown here.")
    try:
        for sent in demo.listen():
            _print_message(demo, sent)
    except KeyboardInterrupt:
        _print_err("\nThe simulated services have stopped.")


def _format_program() -> str:
    """Return how to call this program from here."""
    name, path = str(click.get_current_context().find_root().info_name), Path(sys.argv[0])
    found = shutil.which(name)
    if name != path.name or (found and path.samefile(found)):
        return name
    return shlex.quote(os.path.relpath(path))


def _print_err(line: str) -> None:
    click.echo(line, err=True, color=True)
