"""`cldmon demo`: everything against simulated services; no account is needed."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cldmon.cli import COMMANDS, complain
from cldmon.cli.status import show
from cldmon.config.locate import FILE_NAME
from cldmon.demo import folder as folders
from cldmon.demo import scenario, telling
from cldmon.demo.stage import set_up
from cldmon.errors import UsageError

if TYPE_CHECKING:
    from cldmon.app import App
    from cldmon.demo.stage import Scene, Stage

_INTRODUCTION = """\
Six hours of four accounts at a simulated claude.ai, with a simulated Slack, on
this machine alone. Each line is a pass, read just now by a real browser:
how much of the 5-hour session is used.
"""
_WIDEST = 100
_OFFLINE = ("status", "history --range 5h", "status --json")
_ONLINE = ("fetch", "doctor", "subscribe U04DAVE alice --hit", "login dave", "serve")


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
    """Watch cldmon at work: six hours of four simulated accounts in a few seconds.

    A simulated claude.ai and a simulated Slack listen on loopback; every reading is made by the
    real collector in a real headless browser. No account and no network is needed.
    """
    if app.config_path_option or app.data_dir_option:
        raise UsageError("the demo has a configuration and data of its own: see `demo --keep`")
    with (
        folders.kept(kept) if kept else folders.temporary() as folder,
        set_up(folder, app.env) as stage,
    ):
        _play(stage)
        _sum_up(stage)
        if kept or stay:
            _suggest(folder, stay=stay)
        if stay:
            _stay(stage)
    if not kept:
        click.echo("\nAll of it is removed again. To keep it, and try other commands on it:")
        click.echo(f"  {_program()} demo --keep DIR   (with --stay the services run on, too)")


def _play(stage: Stage) -> None:
    _tell(_INTRODUCTION)
    _tell(_paint(telling.heading(person.label for person in scenario.PEOPLE), "bold"))
    before: Scene | None = None
    for scene in stage.play(complain):
        _tell(telling.pass_line(scene, before, stage.name_of, _paint))
        before = scene
    _tell("")


def _sum_up(stage: Stage) -> None:
    show(stage.app, stage.app.snapshot(), ())
    click.echo("\nSlack messages sent:")
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for sent in stage.slack.sent:
        click.echo(telling.message(sent, stage.name_of, width))
    click.echo("\nFiles written:")
    for path in _files(stage.app):
        click.echo(f"  {path}")


def _files(app: App) -> list[Path]:
    """Return the configuration and the data, without caches and locks."""
    data = app.outline.data_dir
    return [app.config_path, *sorted((*data.glob("*.json"), *data.glob("*.jsonl")))]


def _suggest(folder: Path, *, stay: bool) -> None:
    _list(folder, "Try on them:", _OFFLINE)
    if stay:
        _list(folder, "And, from another terminal while the simulated services run:", _ONLINE)
    else:
        click.echo("The simulated services end now; for fetch and the like run it with --stay.")


def _list(folder: Path, words: str, commands: tuple[str, ...]) -> None:
    start = f"{_program()} --config {shlex.quote(str(folder / FILE_NAME))}"
    click.echo(f"\n{words}")
    for line in commands:
        if line.split()[0] in COMMANDS:
            click.echo(f"  {start} {line}")


def _stay(stage: Stage) -> None:
    """Show the Slack messages that other commands send, until Ctrl-C."""
    click.echo(f"\nclaude.ai is simulated at {stage.claude.url}, Slack at {stage.slack.url}")
    _tell("Ctrl-C ends them. Until then new Slack messages are shown here.")
    try:
        for sent in stage.listen():
            click.echo(telling.message(sent, stage.name_of, _WIDEST))
    except KeyboardInterrupt:
        _tell("\nThe simulated services have ended.")


def _program() -> str:
    """Return how to call this program from here."""
    return "cldmon" if shutil.which("cldmon") else shlex.quote(os.path.relpath(sys.argv[0]))


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _paint(text: str, colour: str) -> str:
    if not sys.stderr.isatty() or "NO_COLOR" in os.environ:
        return text
    return click.style(text, bold=True) if colour == "bold" else click.style(text, fg=colour)
