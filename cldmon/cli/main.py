"""The command `cldmon`: finds the subcommand, and turns errors into a line and an exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from cldmon import __version__
from cldmon.cli.output import print_message, print_stderr, silence_stdout
from cldmon.errors import CldmonError
from cldmon.terminal.style import count_columns

if TYPE_CHECKING:
    from types import FrameType

    from click.shell_completion import CompletionItem

COMMANDS = {
    "init": "Write a first configuration.",
    "import": "Migrate from the Node version.",
    "login": "Get a new session key for an account.",
    "fetch": "Read every account once, store it, send alerts.",
    "status": "Show how much of each limit is used.",
    "guard": "Exit with 0 if enough of a limit is left.",
    "history": "Show how much was used, over time.",
    "digest": "Summarize a week: peaks, limit hits, hours at a limit.",
    "serve": "Serve the HTTP API and the dashboard.",
    "doctor": "Check everything cldmon depends on and suggest fixes.",
    "schedule": "Print, install or remove the schedule of the passes.",
    "report": "Report usage from a person's own machine.",
    "health": "Health check: one line and an exit code.",
    "subscribe": "Manage Slack alert subscriptions.",
    "completion": "Print the completion script of a shell.",
    "demo": "Try it on simulated accounts.",
}
"""Each command with its line of help; its module is imported only when it is called."""

MODULES = {"import": "import_"}
"""The modules of commands whose names are Python keywords."""


class LazyGroup(click.Group):
    """A group whose commands are modules of this package, imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = MODULES.get(cmd_name, cmd_name)
        command: click.Command = importlib.import_module(f"cldmon.cli.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command called, or suggest the closest name; `help` works like `--help`."""
        if args[0] == "help":
            args = [*args[1:], "--help"]
        if args == ["--help"]:
            click.echo(ctx.get_help())
            ctx.exit()
        if args[0] not in COMMANDS:
            from difflib import get_close_matches

            for near in get_close_matches(args[0], COMMANDS, 1):
                ctx.fail(f"No such command {args[0]!r}. Did you mean {near!r}?")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer commands, without importing them, and options."""
        from cldmon.cli.complete import offer

        return [
            *offer(COMMANDS, incomplete),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


_HELP_COLUMNS = max(min(count_columns(sys.stdout, os.environ), 80) - 2, 50)
"""The width that click would choose; working it out here saves importing what click needs."""


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "terminal_width": _HELP_COLUMNS},
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(readable=False),
    help="The configuration file  [default: $CLDMON_CONFIG, ./config.toml, then the usual places]",
)
@click.option(
    "--data-dir",
    type=click.Path(readable=False),
    help="Where readings are kept  [default: $CLDMON_DATA_DIR, then the configuration's]",
)
@click.option("--debug", is_flag=True, help="Show a traceback for an error.")
@click.version_option(__version__, prog_name="cldmon")
@click.pass_context
def cli(ctx: click.Context, config_path: str | None, data_dir: str | None, debug: bool) -> None:
    """Show how much of each Claude subscription is used, now and over time.

    `cldmon fetch` makes one pass, from a timer or cron; the other commands read what it wrote.
    Start with `cldmon init`, or look around with `cldmon demo`.
    """
    # Imported here: --help does not need it.
    from cldmon.app.app import App

    if debug or ctx.invoked_subcommand != "status":
        # `status` logs no warnings, and has to start fast.
        from cldmon.cli.log import show_log

        show_log(debug=debug)
    ctx.obj = App.from_options(config_path, data_dir)


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 usage or config, 75 a pass is running."""
    _open_closed_streams()
    handler = _EndSignals()
    handler.install()
    code = _run(debug="--debug" in sys.argv)
    sys.exit(128 + handler.number if code is None else code)


class _EndSignals:
    """A signal handler that ends the program like Ctrl-C and remembers which signal it was."""

    number: int = signal.SIGINT

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Call the current handler of Ctrl-C, which asyncio, for one, replaces with its own."""
        self.number = number
        handler = signal.getsignal(signal.SIGINT)
        (handler if callable(handler) else signal.default_int_handler)(number, frame)

    def install(self) -> None:
        """Make SIGTERM and a terminal's hang-up end a pass as cleanly as Ctrl-C does."""
        signal.signal(signal.SIGTERM, self)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(signal.SIGHUP, self)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # A background job ignores Ctrl-C. Keep it blocked, but libraries expect a handler.
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        # Set only now: while modules load, Ctrl-C would print a traceback. See `cldmon.__main__`.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _run(*, debug: bool) -> int | None:
    """Run the command line and return the exit code, or None if interrupted.

    This is the only place that prints errors.
    """
    try:
        return cli.main(standalone_mode=False) or 0
    except click.UsageError as error:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            error.show()
        else:
            command = error.ctx.command_path if error.ctx else "cldmon"
            message = " ".join(error.format_message().split()).rstrip(".")  # choices are a list
            print_message(f"{message} (see `{command} --help`)")
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except CldmonError as error:
        _print_error(str(error), debug=debug)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return None
    except BrokenPipeError:
        silence_stdout()
        return 0
    except Exception as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            return None  # Python 3.11 wraps an interrupt that arrives in a class body
        message = f"unexpected {type(error).__name__}; rerun with --debug and report the output"
        # File errors are translated where files are read and written, so this one is about stdout.
        if isinstance(error, OSError) and error.filename is None and error.strerror:
            message = f"cannot write the output: {error.strerror}"
        _print_error(message, debug=debug)
        silence_stdout()
        return 1


def _print_error(message: str, *, debug: bool) -> None:
    """Print an error; with `debug`, after the traceback of the exception being handled."""
    if debug:
        import traceback

        print_stderr(traceback.format_exc().rstrip("\n"))
    print_message(message)


def _open_closed_streams() -> None:
    """Open closed standard streams on /dev/null, or a data file would get their number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8"))  # noqa: PTH123, SIM115
